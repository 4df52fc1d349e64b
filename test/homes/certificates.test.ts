/**
 * A backend with a certificate of a private authority: the built program and released Codex, each as a
 * process.
 */
import { NodeServices } from "@effect/platform-node"
import { assert, describe, layer } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import * as Certificates from "../support/certificates.ts"
import * as Mounts from "./support/mounts.ts"
import * as NetworkLab from "./support/networkLab.ts"

const systemStore = "/etc/ssl/certs/ca-certificates.crt"

const invalid = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"

/** A lab whose backend is on https, and files of certificates. */
class Lab extends Context.Service<Lab>()("test/homes/certificates/Lab", {
  make: Effect.gen(function* () {
    const lab = yield* NetworkLab.make({ scheme: "https" })
    const other = yield* Certificates.make
    return {
      run: lab.run,
      files: {
        good: lab.authority,
        other: lab.inFolder("other.pem", other.ca),
        second: lab.inFolder("second.pem", `${other.ca}\n${lab.ca}`),
        noisy: lab.inFolder(
          "noisy.pem",
          `# Our authority\n${other.good.key}\n${lab.ca}\nthe end`.replaceAll("\n", "\r\n")
        ),
        trusted: lab.inFolder(
          "trusted.pem",
          lab.ca.replaceAll("CERTIFICATE", "TRUSTED CERTIFICATE")
        ),
        broken: lab.inFolder("broken.pem", `${lab.ca}\n${invalid}`),
        cut: lab.inFolder("cut.pem", `${lab.ca}\n${invalid.slice(0, 40)}`),
        empty: lab.inFolder("empty.pem", ""),
        missing: `${lab.folder}/missing.pem`
      }
    }
  })
}) {
  static readonly layer = Layer.effect(Lab, Lab.make)
}

type Files = Lab["Service"]["files"]

interface Case {
  readonly title: string
  readonly variables: (files: Files) => Readonly<Record<string, string>>
  /** The system's store. Default: the one of this machine. */
  readonly system?: keyof Files
  /** The programs that sync nothing. */
  readonly refused: ReadonlyArray<NetworkLab.TestedProgram>
}

const nobody = [] as const
const everybody = ["ours", "0.142.0", "0.169.0"] as const

const cases: ReadonlyArray<Case> = [
  {
    title: "that neither a variable nor the system names",
    variables: () => ({}),
    refused: everybody
  },
  {
    title: "in CODEX_CA_CERTIFICATE",
    variables: ({ good }) => ({ CODEX_CA_CERTIFICATE: good }),
    refused: nobody
  },
  {
    title: "in SSL_CERT_FILE",
    variables: ({ good }) => ({ SSL_CERT_FILE: good }),
    refused: nobody
  },
  {
    title: "in SSL_CERT_FILE, with CODEX_CA_CERTIFICATE empty",
    variables: ({ good }) => ({ CODEX_CA_CERTIFICATE: "", SSL_CERT_FILE: good }),
    refused: nobody
  },
  {
    title: "in SSL_CERT_FILE, with another in CODEX_CA_CERTIFICATE",
    variables: ({ good, other }) => ({ CODEX_CA_CERTIFICATE: other, SSL_CERT_FILE: good }),
    refused: nobody
  },
  {
    title: "in the system's store",
    variables: () => ({}),
    system: "good",
    refused: nobody
  },
  {
    title: "in the system's store, with another in CODEX_CA_CERTIFICATE",
    variables: ({ other }) => ({ CODEX_CA_CERTIFICATE: other }),
    system: "good",
    refused: nobody
  },
  {
    title: "in a file behind another one",
    variables: ({ second }) => ({ SSL_CERT_FILE: second }),
    refused: nobody
  },
  {
    title: "in a file with comments, a key and line ends of Windows",
    variables: ({ noisy }) => ({ CODEX_CA_CERTIFICATE: noisy }),
    refused: nobody
  },
  {
    title: "in a file of OpenSSL's trusted certificates",
    variables: ({ trusted }) => ({ CODEX_CA_CERTIFICATE: trusted }),
    refused: nobody
  },
  {
    title: "in a file beside a broken one",
    variables: ({ broken }) => ({ CODEX_CA_CERTIFICATE: broken }),
    refused: everybody
  },
  {
    title: "in a file that breaks off",
    variables: ({ cut }) => ({ CODEX_CA_CERTIFICATE: cut }),
    refused: everybody
  },
  {
    title: "in the system's store, with CODEX_CA_CERTIFICATE broken",
    variables: ({ broken }) => ({ CODEX_CA_CERTIFICATE: broken }),
    system: "good",
    // 0.142 logs the error and continues without the file.
    refused: ["ours", "0.169.0"]
  },
  {
    title: "in the system's store, with CODEX_CA_CERTIFICATE missing",
    variables: ({ missing }) => ({ CODEX_CA_CERTIFICATE: missing }),
    system: "good",
    refused: ["ours", "0.169.0"]
  },
  {
    title: "in the system's store, with CODEX_CA_CERTIFICATE without a certificate",
    variables: ({ empty }) => ({ CODEX_CA_CERTIFICATE: empty }),
    system: "good",
    refused: ["ours", "0.169.0"]
  },
  {
    title: "in NODE_EXTRA_CA_CERTS, which only Node reads",
    variables: ({ good }) => ({ NODE_EXTRA_CA_CERTS: good }),
    refused: ["0.142.0", "0.169.0"]
  }
]

layer(Lab.layer.pipe(Layer.provideMerge(NodeServices.layer)), { excludeTestServices: true })(
  (it) => {
    for (const tested of NetworkLab.testedPrograms) {
      describe.skipIf(!Mounts.canMount)(NetworkLab.nameOf(tested), () => {
        for (const { refused, system, title, variables } of cases) {
          const isRefused = refused.includes(tested)
          it.effect(`${isRefused ? "does not trust" : "trusts"} an authority ${title}`, () =>
            Effect.gen(function* () {
              const { files, run } = yield* Lab
              const { output, reached } = yield* run(
                tested,
                variables(files),
                system === undefined ? [] : [[systemStore, files[system]]]
              )
              const way = isRefused ? "-" : "direct"
              assert.deepStrictEqual(
                reached,
                { [NetworkLab.apiHost]: way, "bundles.test": way },
                output
              )
            })
          )
        }
      })
    }
  }
)
