/** The command line, and what smoldot is given and says. */
import { blake2b } from '@noble/hashes/blake2.js'
import { bytesToHex, concatBytes, hexToBytes } from '@noble/hashes/utils.js'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pageOptions, parseOptions, UsageError } from '../options.js'
import { GENESIS_HASH, STATE_ROOT } from '../page/chain.js'
import { Seen } from '../smoldot.js'

test('the options of dial are those of the other programs', () => {
  const { command, target, options } = parseOptions(['dial', '/ip4/…', '--perf-upload', '10', '--half-close', '--idle', '2.5'])
  assert.deepEqual([command, target, options.browser, options.peer], ['dial', '/ip4/…', 'chromium', 'bare'])
  const { perfUpload, halfClose, idle, version, close, timeout } = pageOptions(options)
  assert.deepEqual([perfUpload, halfClose, idle, version, close, timeout], [10, true, 2.5, 'v1', 'dialer', 120])
})

test('what no browser can do is refused before one is started', () => {
  const wrong = [
    [],
    ['listen'],
    ['dial'],
    ['dial', 'a', 'b'],
    ['dial', 'a', '--count', '0'],
    ['dial', 'a', '--count', '-1'],
    ['dial', 'a', '--count=x'],
    ['dial', 'a', '--close', 'nobody'],
    ['dial', 'a', '--peer', 'js', '--version', 'v2'],
    ['dial', 'a', '--peer', 'smoldot', '--browser', 'firefox'],
    ['dial', 'a', '--peer', 'smoldot', '--reset'],
    ['dial', 'a', '--browser', 'firefox', '--field-trial', 'no-pqc'],
    ['dial', 'a', '--field-trial', 'weather'],
    ['bad', 'dead-port'],
    ['bad', 'weather', '--', 'listener'],
    ['bad', 'dead-port', '--peer', 'smoldot', '--', 'listener']
  ]
  for (const words of wrong) assert.throws(() => parseOptions(words), UsageError, words.join(' '))
})

test('what bad is given for a listener is a command', () => {
  const { target, options } = parseOptions(['bad', 'dead-port', '--timeout', '9', '--', 'python', 'peer.py', 'listen'])
  assert.deepEqual([target, options.timeout, options.listener], ['dead-port', 9, ['python', 'peer.py', 'listen']])
})

test('the genesis hash is that of the genesis block', () => {
  const emptyTrie = hexToBytes('03170a2e7597b7b7e3d84c05391d139a62b157e78786d8c082f29dcf4c111314')
  const number = Uint8Array.of(0)
  const digest = Uint8Array.of(0)
  const header = concatBytes(new Uint8Array(32), number, Uint8Array.from(STATE_ROOT), emptyTrie, digest)
  assert.equal(bytesToHex(blake2b(header, { dkLen: 32 })), GENESIS_HASH)
})

test("smoldot's log is understood", () => {
  const seen = new Seen()
  const lines = [
    'connection-started; expected_peer_id=12D3KooWA',
    'substream-opened; address=/ip4/127.0.0.1',
    'handshake-finished; remote_addr=/ip4/127.0.0.1, peer_id=12D3KooWA',
    'pong; peer_id=12D3KooWA, ping_time=14.5ms',
    'pong; peer_id=12D3KooWA, ping_time=950µs',
    'gossip-open-success; chain=x'
  ]
  lines.forEach((message, index) => seen.log({ at: 10 * index, message }))
  assert.deepEqual([seen.connected, seen.handshakeFinished, seen.peerId], [true, true, '12D3KooWA'])
  assert.deepEqual([seen.connectMs, seen.pingMs, seen.gossipOpen, seen.panics], [[20], [14.5, 0.95], true, []])
  seen.log({ at: 99, message: "Smoldot has panicked while executing task `x`" })
  assert.equal(seen.panics.length, 1)
})
