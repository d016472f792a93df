/**
 * Step 7: the Noise handshake on channel 0 (Noise_XX_25519_ChaChaPoly_SHA256). DTLS has proved
 * certificates; this proves who holds them. The server begins:
 *
 *     server                          client
 *       | -- e ------------------------>|
 *       |<----------- e, ee, s, es -----|   with the client's payload
 *       | -- s, se -------------------->|   with the server's payload
 *
 * A payload is an identity key and its signature of the Noise key. The keys that come out of the
 * handshake are not used: DTLS encrypts already.
 */
import { chacha20poly1305 } from '../vendor/noble-ciphers/chacha.js'
import { concat, utf8 } from './bytes.js'
import { verify } from './identity.js'
import { decode, encodeBytes } from './protobuf.js'

/** It has 32 bytes, so it is its own hash. */
const NAME = utf8('Noise_XX_25519_ChaChaPoly_SHA256')
const KEY_SIZE = 32
const SIGNED_PREFIX = utf8('noise-libp2p-static-key:')
const NOTHING = new Uint8Array(0)

/**
 * @param {{read: () => Promise<Uint8Array>, write: (message: Uint8Array) => void}} channel of whole Noise messages
 * @param {{client: Uint8Array, server: Uint8Array}} certhashes the multihash of each end's certificate
 * @param {import('./identity.js').Identity} identity the client's
 * @returns {Promise<string>} the peer id that the server proved
 * @throws {Error} it proved nothing
 */
export async function authenticate (channel, certhashes, identity) {
  const state = new SymmetricState()
  // Both ends have seen the same certificates, or nothing after this can be decrypted.
  await state.mixHash(concat(utf8('libp2p-webrtc-noise:'), certhashes.client, certhashes.server))

  const first = await channel.read()
  if (first.length !== KEY_SIZE) throw new Error(`the first Noise message has ${first.length} bytes instead of 32`)
  const remoteEphemeral = first
  await state.mixHash(remoteEphemeral)
  await state.mixHash(NOTHING)

  const [ephemeral, statik] = [await x25519Key(), await x25519Key()]
  await state.mixHash(ephemeral.public)
  await state.mixKey(await agree(ephemeral, remoteEphemeral))
  const encryptedStatic = await state.encrypt(statik.public)
  await state.mixKey(await agree(statik, remoteEphemeral))
  const encryptedPayload = await state.encrypt(await makePayload(identity, statik.public))
  channel.write(concat(ephemeral.public, encryptedStatic, encryptedPayload))

  const third = await channel.read()
  const remoteStatic = await state.decrypt(third.subarray(0, KEY_SIZE + 16))
  await state.mixKey(await agree(ephemeral, remoteStatic))
  const payload = await state.decrypt(third.subarray(KEY_SIZE + 16))
  return await checkPayload(payload, remoteStatic)
}

/** The hash of all that was said, and the key that follows from it (the Noise specification, section 5.2). */
class SymmetricState {
  #hash = NAME
  #chainingKey = NAME
  #key = NOTHING
  #nonce = 0

  /** @param {Uint8Array} data that both ends have seen */
  async mixHash (data) {
    this.#hash = new Uint8Array(await crypto.subtle.digest('SHA-256', concat(this.#hash, data)))
  }

  /** @param {Uint8Array} secret of a Diffie-Hellman exchange */
  async mixKey (secret) {
    // Noise's HKDF is that of RFC 5869 with the chaining key as salt and no info.
    const key = await crypto.subtle.importKey('raw', secret, 'HKDF', false, ['deriveBits'])
    const parameters = { name: 'HKDF', hash: 'SHA-256', salt: this.#chainingKey, info: NOTHING }
    const output = new Uint8Array(await crypto.subtle.deriveBits(parameters, key, 16 * KEY_SIZE))
    this.#chainingKey = output.slice(0, KEY_SIZE)
    this.#key = output.slice(KEY_SIZE)
    this.#nonce = 0
  }

  async encrypt (plaintext) {
    const ciphertext = this.#cipher().encrypt(plaintext)
    await this.mixHash(ciphertext)
    return ciphertext
  }

  async decrypt (ciphertext) {
    let plaintext
    try {
      plaintext = this.#cipher().decrypt(ciphertext)
    } catch {
      throw new Error('a Noise message cannot be decrypted')
    }
    await this.mixHash(ciphertext)
    return plaintext
  }

  #cipher () {
    const nonce = new Uint8Array(12)
    new DataView(nonce.buffer).setUint32(4, this.#nonce++, true)
    return chacha20poly1305(this.#key, nonce, this.#hash)
  }
}

async function x25519Key () {
  const { privateKey, publicKey } = await crypto.subtle.generateKey('X25519', false, ['deriveBits'])
  return { private: privateKey, public: new Uint8Array(await crypto.subtle.exportKey('raw', publicKey)) }
}

async function agree (own, remote) {
  const key = await crypto.subtle.importKey('raw', remote, 'X25519', false, [])
  const parameters = { name: 'X25519', public: key }
  return new Uint8Array(await crypto.subtle.deriveBits(parameters, own.private, 8 * KEY_SIZE))
}

async function makePayload (identity, staticPublic) {
  const signature = await identity.sign(concat(SIGNED_PREFIX, staticPublic))
  return concat(encodeBytes(1, identity.publicKey), encodeBytes(2, signature))
}

async function checkPayload (payload, staticPublic) {
  const fields = decode(payload)
  const [[publicKey], [signature]] = [fields.get(1) ?? [], fields.get(2) ?? []]
  if (publicKey === undefined || signature === undefined) throw new Error('the server sent no identity')
  return await verify(publicKey, signature, concat(SIGNED_PREFIX, staticPublic))
}
