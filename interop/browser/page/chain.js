/**
 * A made-up chain for smoldot: enough for it to start, to dial its one boot node and to open block
 * announcements with it. It has no blocks, so nothing is ever synchronized.
 */

/** Of the genesis block below: protocols of the chain have it in their names. */
export const GENESIS_HASH = '0b39071afce7bc2a54d618cca64d0331b8af686e0d78803935da4c70574defa6'

/** One validator whose key nobody has. */
const AUTHORITY = [...filled(32, 1), ...uint64(1)]
const SLOTS_PER_EPOCH = 600
/** SCALE writes a number below 64, such as the length of a list, as four times itself. */
const compact = (number) => [4 * number]

/** The state root of the genesis block. Nothing else about it can be chosen. */
export const STATE_ROOT = filled(32, 0)

/**
 * @param {string} bootNode a multiaddr with its peer id
 * @returns {string} the JSON of a chain specification
 */
export function chainSpecification (bootNode) {
  return JSON.stringify({
    name: 'webrtc-direct interop',
    id: 'webrtc-direct-interop',
    chainType: 'Live',
    bootNodes: [bootNode],
    properties: {},
    genesis: { stateRootHash: hex(STATE_ROOT) },
    // smoldot does not start from a genesis without a runtime, but it does from any checkpoint.
    lightSyncState: {
      finalizedBlockHeader: hex(finalizedHeader()),
      babeEpochChanges: hex(epochChanges()),
      babeFinalizedBlockWeight: 1,
      grandpaAuthoritySet: hex([
        ...compact(1), ...AUTHORITY, ...uint64(0),
        // No changes are pending: an empty tree without a best block, and two empty lists.
        ...compact(0), 0, ...compact(0), ...compact(0)
      ])
    }
  })
}

/** Block 1, by the first authority, in slot 1. */
function finalizedHeader () {
  const preRuntime = [6, ...ascii('BABE'), ...compact(13), 2, ...uint32(0), ...uint64(1)]
  // SCALE writes the length 64 of a signature in two bytes.
  const seal = [5, ...ascii('BABE'), 1, 1, ...filled(64, 0)]
  const digest = [...compact(2), ...preRuntime, ...seal]
  return [...filled(32, 0), ...compact(1), ...STATE_ROOT, ...filled(32, 0), ...digest]
}

/** Two epochs: the one of block 1, and the next. */
function epochChanges () {
  const epoch = (index) => [
    // The key: a block's hash and number.
    ...filled(32, index), ...uint32(index),
    // 1 is a "regular" epoch: index, first slot, slots, authorities, randomness.
    1, ...uint64(index), ...uint64(1 + index * SLOTS_PER_EPOCH), ...uint64(SLOTS_PER_EPOCH),
    ...compact(1), ...AUTHORITY, ...filled(32, 0),
    // One slot in four has a primary author, and plain secondary ones are allowed.
    ...uint64(1), ...uint64(4), 1
  ]
  return [...compact(0), 0, ...compact(2), ...epoch(0), ...epoch(1)]
}

function filled (size, byte) {
  return Array(size).fill(byte)
}

function uint32 (number) {
  return [...new Uint8Array(Uint32Array.of(number).buffer)]
}

function uint64 (number) {
  return [...uint32(number), ...uint32(0)]
}

const ascii = (text) => [...text].map((char) => char.charCodeAt(0))
const hex = (bytes) => `0x${bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('')}`
