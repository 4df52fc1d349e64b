/**
 * Certificates made at run time: an authority of the test, and server certificates that are valid or
 * invalid in one way.
 */
import "reflect-metadata"
import * as X509 from "@peculiar/x509"
import { Effect } from "effect"
import * as Net from "node:net"

/** PEM, the format of Node's TLS options. */
export interface ServerCertificate {
  readonly key: string
  readonly cert: string
}

export interface Certificates {
  /** PEM of the authority, for `NODE_EXTRA_CA_CERTS`, `CODEX_CA_CERTIFICATE` and a client's `ca`. */
  readonly ca: string
  /** For 127.0.0.1, 127.0.0.2 and localhost. */
  readonly good: ServerCertificate
  readonly expired: ServerCertificate
  readonly wrongHost: ServerCertificate
  /** Self-signed, so the authority does not vouch for it. */
  readonly selfSigned: ServerCertificate
}

export interface Authority extends Certificates {
  /** Makes a valid certificate for these hosts. A host with a colon or only digits is an address. */
  readonly issueFor: (hosts: ReadonlyArray<string>) => Effect.Effect<ServerCertificate>
}

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" }
const day = 24 * 60 * 60 * 1000

const generateKeys = () => crypto.subtle.generateKey(algorithm, true, ["sign", "verify"])

const exportKey = async (keys: CryptoKeyPair): Promise<string> =>
  X509.PemConverter.encode(await crypto.subtle.exportKey("pkcs8", keys.privateKey), "PRIVATE KEY")

/** The period between two numbers of days from now. */
const validity = (from: number, to: number) => ({
  notBefore: new Date(Date.now() + from * day),
  notAfter: new Date(Date.now() + to * day)
})

const serverExtensions = (...names: ReadonlyArray<X509.JsonGeneralName>) => [
  new X509.BasicConstraintsExtension(false, undefined, true),
  new X509.KeyUsagesExtension(X509.KeyUsageFlags.digitalSignature, true),
  new X509.ExtendedKeyUsageExtension([X509.ExtendedKeyUsage.serverAuth]),
  new X509.SubjectAlternativeNameExtension([...names])
]

const makeAll = async (): Promise<Authority> => {
  const [authorityKeys, keys] = await Promise.all([generateKeys(), generateKeys()])
  const authority = await X509.X509CertificateGenerator.createSelfSigned({
    // OpenSSL confuses authorities that have the same name.
    name: `CN=Test authority ${crypto.randomUUID()}`,
    keys: authorityKeys,
    signingAlgorithm: algorithm,
    ...validity(-30, 30),
    extensions: [
      new X509.BasicConstraintsExtension(true, 0, true),
      new X509.KeyUsagesExtension(X509.KeyUsageFlags.keyCertSign, true)
    ]
  })
  const key = await exportKey(keys)
  const loopback = serverExtensions(
    { type: "ip", value: "127.0.0.2" },
    { type: "ip", value: "127.0.0.1" },
    { type: "dns", value: "localhost" }
  )
  const issue = async (
    dates: ReturnType<typeof validity>,
    extensions: Array<X509.Extension>
  ): Promise<ServerCertificate> => {
    const certificate = await X509.X509CertificateGenerator.create({
      subject: "CN=Test server",
      issuer: authority.subject,
      publicKey: keys.publicKey,
      signingKey: authorityKeys.privateKey,
      signingAlgorithm: algorithm,
      ...dates,
      extensions
    })
    return { key, cert: certificate.toString("pem") }
  }
  const selfSigned = await X509.X509CertificateGenerator.createSelfSigned({
    name: "CN=Test server",
    keys,
    signingAlgorithm: algorithm,
    ...validity(-1, 30),
    extensions: loopback
  })
  return {
    ca: authority.toString("pem"),
    good: await issue(validity(-1, 30), loopback),
    expired: await issue(validity(-3, -1), loopback),
    wrongHost: await issue(
      validity(-1, 30),
      serverExtensions({ type: "dns", value: "elsewhere.test" })
    ),
    selfSigned: { key, cert: selfSigned.toString("pem") },
    issueFor: (hosts) =>
      Effect.promise(() =>
        issue(
          validity(-1, 30),
          serverExtensions(
            ...hosts.map(
              (value) => ({ type: Net.isIP(value) === 0 ? "dns" : "ip", value }) as const
            )
          )
        )
      )
  }
}

export const make: Effect.Effect<Authority> = Effect.promise(makeAll)
