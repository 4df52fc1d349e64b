import { assert, describe, it } from "@effect/vitest"
import { Redacted } from "effect"
import * as Proxy from "../../src/internal/proxy.ts"

const chosen = (environment: Readonly<Record<string, string>>, url: string) =>
  Proxy.select(Proxy.make(Proxy.variablesOf((name) => environment[name])), new URL(url))

const P = "http://proxy.test:3128"
const Q = "http://other.test:3128"

describe("a proxy is chosen by its variable", () => {
  it.each([
    [{}, "https://a.test/", undefined],
    [{ HTTPS_PROXY: P }, "https://a.test/", P],
    [{ https_proxy: P }, "https://a.test/", P],
    [{ HTTPS_PROXY: P, https_proxy: Q }, "https://a.test/", P],
    [{ HTTPS_PROXY: "", https_proxy: Q }, "https://a.test/", undefined],
    [{ HTTPS_PROXY: P }, "http://a.test/", undefined],
    [{ HTTP_PROXY: P }, "https://a.test/", undefined],
    [{ HTTP_PROXY: P }, "http://a.test/", P],
    [{ http_proxy: P }, "http://127.0.0.1:80/", P],
    [{ ALL_PROXY: P }, "http://a.test/", P],
    [{ all_proxy: P }, "https://a.test/", P],
    [{ ALL_PROXY: P, HTTPS_PROXY: Q }, "https://a.test/", Q],
    [{ ALL_PROXY: P, HTTPS_PROXY: Q }, "http://a.test/", P],
    [{ ALL_PROXY: P, HTTPS_PROXY: "" }, "https://a.test/", P],
    [{ ALL_PROXY: P, HTTPS_PROXY: "ftp://x.test" }, "https://a.test/", P],
    [{ HTTPS_PROXY: "ftp://x.test" }, "https://a.test/", undefined],
    [{ HTTPS_PROXY: "http://" }, "https://a.test/", undefined],
    [{ HTTPS_PROXY: "proxy.test:3128" }, "https://a.test/", P],
    [{ HTTPS_PROXY: ` ${P}` }, "https://a.test/", undefined],
    [{ HTTPS_PROXY: `${P}/ignored?path` }, "https://a.test/", P],
    [{ HTTPS_PROXY: "https://proxy.test:8443" }, "https://a.test/", "https://proxy.test:8443"],
    [{ HTTPS_PROXY: "socks5h://s.test:1080" }, "https://a.test/", "socks5h://s.test:1080"],
    [{ ALL_PROXY: P, REQUEST_METHOD: "GET" }, "http://a.test/", undefined]
  ] as const)("%j sends %s to %s", (environment, url, expected) => {
    assert.strictEqual(chosen(environment, url)?.shown, expected)
  })

  it("keeps its credentials out of what is shown", () => {
    const proxy = chosen({ HTTPS_PROXY: "http://me%40x:s%3Acret@proxy.test:3128" }, "https://a/")
    assert.isDefined(proxy)
    assert.strictEqual(proxy.shown, P)
    assert.strictEqual(Redacted.value(proxy.url), "http://me%40x:s%3Acret@proxy.test:3128")
    assert.notInclude(JSON.stringify(proxy) + String(proxy.url), "cret")
  })
})

describe("NO_PROXY excludes", () => {
  it.each([
    ["a.test", "a.test"],
    ["A.Test", "a.test"],
    ["a.test", "A.TEST"],
    ["a.test", "x.y.a.test"],
    [".a.test", "a.test"],
    [".a.test", "x.a.test"],
    ["b.test, a.test", "a.test"],
    [",, ,a.test,", "a.test"],
    ["*", "a.test"],
    ["localhost", "localhost"],
    ["127.0.0.1", "127.0.0.1"],
    ["127.0.0.0/8", "127.9.9.9"],
    ["10.1.2.3/0", "200.1.1.1"],
    ["10.1.2.0/23", "10.1.3.255"],
    ["::1", "[::1]"],
    ["fe80::/10", "[febf::1]"],
    ["2001:db8::/32", "[2001:db8:1::2]"],
    ["::ffff:10.0.0.1", "[::ffff:a00:1]"]
  ])("%j: %s", (NO_PROXY, host) => {
    assert.isUndefined(chosen({ ALL_PROXY: P, NO_PROXY }, `https://${host}:8443/x`))
    assert.isUndefined(chosen({ ALL_PROXY: P, no_proxy: NO_PROXY }, `http://${host}/x`))
  })

  it.each([
    ["", "a.test"],
    ["a.test", "b-a.test"],
    ["a.test", "xa.test"],
    ["x.a.test", "a.test"],
    ["*.a.test", "x.a.test"],
    ["a.test:443", "a.test"],
    ["*", "127.0.0.1"],
    ["127.0.0.0/8", "localhost"],
    ["127.0.0.0/33", "127.0.0.1"],
    ["127.0.0.0/8", "128.0.0.1"],
    ["10.1.2.0/23", "10.1.4.0"],
    ["0.0.1", "127.0.0.1"],
    ["256.0.0.1", "a.test"],
    ["::/0", "127.0.0.1"],
    ["0.0.0.0/0", "[::1]"],
    ["fe80::/10", "[fec0::1]"]
  ])("not by %j: %s", (NO_PROXY, host) => {
    assert.strictEqual(chosen({ ALL_PROXY: P, NO_PROXY }, `https://${host}/x`)?.shown, P)
  })

  it("excludes all hosts but addresses with a star, and prefers the upper-case variable", () => {
    const environment = { ALL_PROXY: P, NO_PROXY: "b.test", no_proxy: "a.test" }
    assert.strictEqual(chosen(environment, "https://a.test/")?.shown, P)
    assert.isUndefined(chosen(environment, "https://b.test/"))
  })
})
