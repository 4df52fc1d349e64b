/**
 * Reads the file of additional trusted certificates that the environment names, as Codex does.
 */
import { Effect, Schema } from "effect"
import * as Crypto from "node:crypto"
import * as Fs from "node:fs"
import * as Message from "./message.ts"

/** The variables that name the file. The first one that is not empty counts. */
export const variables = ["CODEX_CA_CERTIFICATE", "SSL_CERT_FILE"] as const

/**
 * The maximum size of a file of certificates, in bytes. The root certificates of all browsers take
 * 250 kB.
 */
const maxBytes = 8 * 1024 * 1024

/**
 * The file of certificates that the environment names cannot be used. Nothing was sent.
 *
 * @category errors
 * @since 0.2.0
 */
export class CertificateFileError extends Schema.TaggedError<CertificateFileError>()(
  "CertificateFileError",
  {
    variable: Schema.Literals(variables),
    path: Schema.String,
    reason: Schema.TaggedUnion({
      Missing: {},
      NotAFile: {},
      Inaccessible: { code: Schema.NullOr(Schema.String) },
      /** `limit` is in bytes. */
      TooLarge: { limit: Schema.Int },
      NoCertificate: {},
      /** `position` counts the certificates of the file from 1. */
      InvalidCertificate: { position: Schema.Int }
    })
  }
) {
  override get message(): string {
    return Message.format(this.explanation)
  }

  /** The parts of the message. */
  get explanation(): Message.Explanation {
    return Message.because(
      null,
      `${this.variable} names ${JSON.stringify(this.path)}, ${this.why}`,
      "correct the variable, or unset it to trust the system's certificates only"
    )
  }

  private get why(): string {
    switch (this.reason._tag) {
      case "Missing":
        return "which does not exist"
      case "NotAFile":
        return "which is not a regular file"
      case "Inaccessible":
        return `which cannot be read${this.reason.code === null ? "" : ` (${this.reason.code})`}`
      case "TooLarge":
        return `which is larger than ${this.reason.limit} bytes`
      case "NoCertificate":
        return "which holds no certificate in PEM form"
      case "InvalidCertificate":
        return `whose certificate number ${this.reason.position} is invalid`
    }
  }
}

type Reason = CertificateFileError["reason"]

/** The certificates in PEM form; none if no variable names a file. */
export const read = (
  environment: Readonly<Record<string, string | undefined>>
): Effect.Effect<ReadonlyArray<string>, CertificateFileError> =>
  Effect.suspend(() => {
    for (const variable of variables) {
      const path = environment[variable]
      if (path === undefined || path === "") continue
      const result = load(path)
      return "_tag" in result
        ? Effect.fail(new CertificateFileError({ variable, path, reason: result }))
        : Effect.succeed(result)
    }
    return Effect.succeed([])
  })

const load = (path: string): ReadonlyArray<string> | Reason => {
  const text = readText(path)
  return typeof text === "string" ? parse(text) : text
}

const readText = (path: string): string | Reason => {
  let descriptor: number | undefined
  try {
    // A FIFO must not block the process.
    descriptor = Fs.openSync(path, Fs.constants.O_RDONLY | (Fs.constants.O_NONBLOCK ?? 0))
    const stats = Fs.fstatSync(descriptor)
    if (!stats.isFile()) return { _tag: "NotAFile" }
    if (stats.size > maxBytes) return { _tag: "TooLarge", limit: maxBytes }
    return Fs.readFileSync(descriptor, "latin1")
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : null
    return code === "ENOENT" || code === "ENOTDIR"
      ? { _tag: "Missing" }
      : { _tag: "Inaccessible", code }
  } finally {
    if (descriptor !== undefined) Fs.closeSync(descriptor)
  }
}

/** The end is missing if the file is truncated. */
const block = /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----([^-]*)(-----END [A-Z0-9 ]*-----)?/g

const parse = (text: string): ReadonlyArray<string> | Reason => {
  const certificates: Array<string> = []
  for (const [, base64 = "", end] of text.matchAll(block)) {
    try {
      if (end === undefined) throw new Error("cut off")
      const der = firstElement(Buffer.from(base64, "base64"))
      certificates.push(new Crypto.X509Certificate(der).toString())
    } catch {
      return { _tag: "InvalidCertificate", position: certificates.length + 1 }
    }
  }
  return certificates.length === 0 ? { _tag: "NoCertificate" } : certificates
}

/** The certificate itself. In OpenSSL's `TRUSTED CERTIFICATE`, trust settings follow it. */
const firstElement = (der: Buffer): Buffer => {
  const length = der[1] ?? 0
  if (length < 0x80) return der.subarray(0, 2 + length)
  const width = length & 0x7f
  return width > 4 ? der : der.subarray(0, 2 + width + der.readUIntBE(2, width))
}
