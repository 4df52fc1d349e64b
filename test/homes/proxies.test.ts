/**
 * The variables of proxies: the built program and released Codex, each as a process.
 */
import { NodeServices } from "@effect/platform-node"
import { assert, describe, layer } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import * as Mounts from "./support/mounts.ts"
import * as NetworkLab from "./support/networkLab.ts"

const hosts = ["bundles.test", "x.bundles.test", "xbundles.test", "localhost", "127.0.0.1"] as const

/** A lab with proxies of all kinds, and their addresses. */
class Lab extends Context.Service<Lab>()("test/homes/proxies/Lab", {
  make: Effect.gen(function* () {
    const lab = yield* NetworkLab.make({ hosts })
    return {
      run: lab.run,
      authority: lab.authority,
      addresses: {
        one: yield* lab.proxy("one"),
        two: yield* lab.proxy("two"),
        guarded: yield* lab.proxy("guarded", { credentials: "me:p@ss/w:rd" }),
        nameless: yield* lab.proxy("nameless", { credentials: "me:" }),
        strict: yield* lab.proxy("strict", { refusal: 403 }),
        tls: yield* lab.proxy("tls", { tls: lab.certificate }),
        socks: yield* lab.socksProxy("socks")
      }
    }
  })
}) {
  static readonly layer = Layer.effect(Lab, Lab.make)
}

type Addresses = Lab["Service"]["addresses"]
type Variables = Readonly<Record<string, string>>

/** How the backend, which is on http, and a bundle, which is on https, are reached. */
interface Choice {
  readonly title: string
  readonly variables: (addresses: Addresses) => Variables
  readonly api: string
  readonly bundle: string
  /** The programs that reach both directly instead. */
  readonly direct?: ReadonlyArray<NetworkLab.TestedProgram>
}

const choices: ReadonlyArray<Choice> = [
  { title: "no variable", variables: () => ({}), api: "direct", bundle: "direct" },
  {
    title: "HTTPS_PROXY",
    variables: ({ one }) => ({ HTTPS_PROXY: `http://${one}` }),
    api: "direct",
    bundle: "one"
  },
  {
    title: "https_proxy",
    variables: ({ one }) => ({ https_proxy: `http://${one}` }),
    api: "direct",
    bundle: "one"
  },
  {
    title: "HTTP_PROXY",
    variables: ({ one }) => ({ HTTP_PROXY: `http://${one}` }),
    api: "one",
    bundle: "direct"
  },
  {
    title: "http_proxy",
    variables: ({ one }) => ({ http_proxy: `http://${one}` }),
    api: "one",
    bundle: "direct"
  },
  {
    title: "ALL_PROXY",
    variables: ({ one }) => ({ ALL_PROXY: `http://${one}` }),
    api: "one",
    bundle: "one"
  },
  {
    title: "all_proxy",
    variables: ({ one }) => ({ all_proxy: `http://${one}` }),
    api: "one",
    bundle: "one"
  },
  {
    title: "both cases, of which the upper one counts",
    variables: ({ one, two }) => ({
      HTTP_PROXY: `http://${one}`,
      http_proxy: `http://${two}`,
      ALL_PROXY: `http://${one}`,
      all_proxy: `http://${two}`
    }),
    api: "one",
    bundle: "one"
  },
  {
    title: "an empty HTTPS_PROXY, which hides https_proxy",
    variables: ({ one }) => ({ HTTPS_PROXY: "", https_proxy: `http://${one}` }),
    api: "direct",
    bundle: "direct"
  },
  {
    title: "an empty HTTPS_PROXY beside ALL_PROXY",
    variables: ({ one }) => ({ HTTPS_PROXY: "", ALL_PROXY: `http://${one}` }),
    api: "one",
    bundle: "one"
  },
  {
    title: "HTTPS_PROXY beside ALL_PROXY",
    variables: ({ one, two }) => ({ ALL_PROXY: `http://${one}`, HTTPS_PROXY: `http://${two}` }),
    api: "one",
    bundle: "two"
  },
  {
    title: "a proxy without a scheme",
    variables: ({ one }) => ({ ALL_PROXY: one }),
    api: "one",
    bundle: "one"
  },
  {
    title: "a proxy with spaces around it",
    variables: ({ one }) => ({ ALL_PROXY: ` http://${one} ` }),
    api: "direct",
    bundle: "direct"
  },
  {
    title: "a proxy of an unknown scheme beside ALL_PROXY",
    variables: ({ one }) => ({ ALL_PROXY: `http://${one}`, HTTPS_PROXY: "ftp://127.0.0.1:1" }),
    api: "one",
    bundle: "one"
  },
  {
    title: "REQUEST_METHOD, as in a CGI program",
    variables: ({ one }) => ({ ALL_PROXY: `http://${one}`, REQUEST_METHOD: "GET" }),
    api: "direct",
    bundle: "direct"
  },
  {
    title: "CODEX_SANDBOX, as in a command that Codex runs on macOS",
    variables: ({ one }) => ({ ALL_PROXY: `http://${one}`, CODEX_SANDBOX: "seatbelt" }),
    api: "one",
    bundle: "one",
    direct: ["0.142.0"]
  },
  {
    title: "a proxy with user and password",
    variables: ({ guarded }) => ({ ALL_PROXY: `http://me:p%40ss%2Fw%3Ard@${guarded}` }),
    api: "guarded",
    bundle: "guarded"
  },
  {
    title: "a proxy with a user only",
    variables: ({ nameless }) => ({ ALL_PROXY: `http://me@${nameless}` }),
    api: "nameless",
    bundle: "nameless"
  },
  {
    title: "a proxy with a wrong password",
    variables: ({ guarded }) => ({ HTTPS_PROXY: `http://me:wrong@${guarded}` }),
    api: "direct",
    bundle: "-"
  },
  {
    title: "a proxy that refuses to connect",
    variables: ({ strict }) => ({ HTTPS_PROXY: `http://${strict}` }),
    api: "direct",
    bundle: "-"
  },
  {
    title: "a proxy that cannot be reached",
    variables: () => ({ HTTPS_PROXY: "http://127.0.0.1:1" }),
    api: "direct",
    bundle: "-"
  },
  {
    title: "a proxy on https",
    variables: ({ tls }) => ({ HTTPS_PROXY: `https://${tls}` }),
    api: "direct",
    bundle: "tls"
  },
  {
    title: "a SOCKS5 proxy, which no release supports",
    variables: ({ socks }) => ({ HTTPS_PROXY: `socks5h://${socks}` }),
    api: "direct",
    bundle: "-"
  }
]

/** Values of `NO_PROXY`, and the hosts that they exclude. */
const exclusions: ReadonlyArray<{
  readonly title: string
  readonly variables: Variables
  readonly excluded: ReadonlyArray<string>
}> = [
  {
    title: "a domain, with its subdomains",
    variables: { NO_PROXY: "bundles.test" },
    excluded: ["bundles.test", "x.bundles.test"]
  },
  {
    title: "a domain in another case, behind a dot, in a list",
    variables: { no_proxy: " a.test ,, .Bundles.Test" },
    excluded: ["bundles.test", "x.bundles.test"]
  },
  {
    title: "a top-level domain",
    variables: { NO_PROXY: "test" },
    excluded: [NetworkLab.apiHost, "bundles.test", "x.bundles.test", "xbundles.test"]
  },
  {
    title: "all names, but no addresses, by a star",
    variables: { NO_PROXY: "*" },
    excluded: [NetworkLab.apiHost, ...hosts.slice(0, -1)]
  },
  { title: "localhost alone", variables: { NO_PROXY: "localhost" }, excluded: ["localhost"] },
  { title: "an address", variables: { NO_PROXY: "127.0.0.1" }, excluded: ["127.0.0.1"] },
  { title: "a range", variables: { NO_PROXY: "127.0.0.0/8" }, excluded: ["127.0.0.1"] },
  {
    title: "nothing by patterns, ports, spaces and malformed ranges",
    variables: {
      NO_PROXY: "*.bundles.test,bundles.test:443,localhost bundles.test,127.0.0.0/33,127.0.0.1:443"
    },
    excluded: []
  },
  {
    title: "nothing if it is empty, whatever no_proxy says",
    variables: { NO_PROXY: "", no_proxy: "bundles.test" },
    excluded: []
  },
  {
    title: "what it says, whatever no_proxy says",
    variables: { NO_PROXY: "xbundles.test", no_proxy: "bundles.test" },
    excluded: ["xbundles.test"]
  }
]

layer(Lab.layer.pipe(Layer.provideMerge(NodeServices.layer)), { excludeTestServices: true })(
  (it) => {
    for (const tested of NetworkLab.testedPrograms) {
      describe.skipIf(!Mounts.canMount)(
        `${NetworkLab.nameOf(tested)}, with variables for proxies,`,
        () => {
          it.effect.each(choices)(
            "takes the expected way for $title",
            ({ api, bundle, direct = [], variables }) =>
              Effect.gen(function* () {
                const { addresses, authority, run } = yield* Lab
                const { output, reached } = yield* run(tested, {
                  CODEX_CA_CERTIFICATE: authority,
                  ...variables(addresses)
                })
                assert.deepStrictEqual(
                  { api: reached[NetworkLab.apiHost], bundle: reached["bundles.test"] },
                  direct.includes(tested) ? { api: "direct", bundle: "direct" } : { api, bundle },
                  output
                )
              })
          )
        }
      )

      describe.skipIf(!Mounts.canMount)(`${NetworkLab.nameOf(tested)}, behind a proxy,`, () => {
        it.effect.each(exclusions)(
          "connects directly to the hosts of NO_PROXY: $title",
          ({ excluded, variables }) =>
            Effect.gen(function* () {
              const { addresses, authority, run } = yield* Lab
              const { output, reached } = yield* run(tested, {
                CODEX_CA_CERTIFICATE: authority,
                ALL_PROXY: `http://${addresses.one}`,
                ...variables
              })
              const expected = [NetworkLab.apiHost, ...hosts].map((host) => [
                host,
                excluded.includes(host) ? "direct" : "one"
              ])
              assert.deepStrictEqual(reached, Object.fromEntries(expected), output)
            })
        )
      })
    }
  }
)
