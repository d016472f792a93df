/** Ed25519 identities and their peer ids, by WebCrypto. */
import { concat, encodeBase58, equal } from './bytes.js'
import { decode, encodeBytes, encodeNumber } from './protobuf.js'

/** libp2p's KeyType. The other three exist, but servers that browsers dial use this one. */
const ED25519 = 1
/** A key this small is its own peer id: the "identity" multihash, code 0. */
const IDENTITY_MULTIHASH = 0x00

/** A key pair, and the peer id that it stands for. */
export class Identity {
  #privateKey

  /** @returns {Promise<Identity>} a fresh one */
  static async generate () {
    const { privateKey, publicKey } = await crypto.subtle.generateKey('Ed25519', false, ['sign', 'verify'])
    const raw = new Uint8Array(await crypto.subtle.exportKey('raw', publicKey))
    return new Identity(privateKey, concat(encodeNumber(1, ED25519), encodeBytes(2, raw)))
  }

  /** @param {CryptoKey} privateKey @param {Uint8Array} publicKey in libp2p's protobuf */
  constructor (privateKey, publicKey) {
    this.#privateKey = privateKey
    this.publicKey = publicKey
    this.peerId = peerId(publicKey)
  }

  /** @param {Uint8Array} data @returns {Promise<Uint8Array>} its signature, 64 bytes */
  async sign (data) {
    return new Uint8Array(await crypto.subtle.sign('Ed25519', this.#privateKey, data))
  }
}

/**
 * @param {Uint8Array} publicKey in libp2p's protobuf @param {Uint8Array} signature @param {Uint8Array} data
 * @returns {Promise<string>} the peer id of the key that signed *data*
 * @throws {Error} it did not, or it is no Ed25519 key
 */
export async function verify (publicKey, signature, data) {
  const fields = decode(publicKey)
  const [raw] = fields.get(2) ?? []
  if (fields.get(1)?.[0] !== ED25519 || raw?.length !== 32) throw new Error("the server's identity is no Ed25519 key")
  // One key has one encoding; another one would be another peer id.
  if (!equal(publicKey, concat(encodeNumber(1, ED25519), encodeBytes(2, raw)))) {
    throw new Error("the server's identity key is not encoded as it must be")
  }
  const key = await crypto.subtle.importKey('raw', raw, 'Ed25519', false, ['verify'])
  if (!(await crypto.subtle.verify('Ed25519', key, signature, data))) {
    throw new Error("the server's signature is wrong")
  }
  return peerId(publicKey)
}

const peerId = (publicKey) => encodeBase58(concat(Uint8Array.of(IDENTITY_MULTIHASH, publicKey.length), publicKey))
