import { assert, describe, it } from "@effect/vitest"
import { Duration } from "effect"
import * as CacheLock from "../src/CacheLock.ts"
import * as CodexHome from "../src/CodexHome.ts"
import { isSignInNeeded, isTransient } from "../src/ErrorAdvice.ts"
import * as PluginInstaller from "../src/PluginInstaller.ts"
import * as PluginStore from "../src/PluginStore.ts"
import * as RemoteBundle from "../src/RemoteBundle.ts"
import * as RemoteCatalog from "../src/RemoteCatalog.ts"
import { platformError } from "../src/testing/internal/errno.ts"
import { pluginId } from "./support/pluginWorld.ts"

const alpha = { remotePluginId: "plugins~Plugin_alpha", pluginId: pluginId("alpha") }

const call = (reason: RemoteCatalog.RemoteCatalogError["reason"]) =>
  new RemoteCatalog.RemoteCatalogError({
    operation: "installed",
    remotePluginId: null,
    baseUrl: "https://backend.test",
    reason
  })
const download = (reason: RemoteBundle.RemoteBundleError["reason"]) =>
  new RemoteBundle.RemoteBundleError({ ...alpha, url: null, reason })
const store = (reason: PluginStore.PluginStoreError["reason"]) =>
  new PluginStore.PluginStoreError({ operation: "install", ...alpha, reason })
const partial = (cause: PluginInstaller.PartialChange["cause"]) =>
  new PluginInstaller.PartialChange({ ...alpha, done: "Cached", cause })
const timedOut = new CacheLock.CacheLockError({
  path: "/lock",
  reason: { _tag: "TimedOut", waited: Duration.minutes(2), holder: null }
})

describe("ErrorAdvice", () => {
  const signedOut = new CodexHome.NotSignedIn({ path: "/auth.json", reason: "NoCredentials" })
  const cases: ReadonlyArray<readonly [string, unknown, "sign in" | "try later" | "neither"]> = [
    ["a home without credentials", signedOut, "sign in"],
    ["a refused token", call({ _tag: "Unauthorized" }), "sign in"],
    ["a refused token after an install", partial(call({ _tag: "Unauthorized" })), "sign in"],
    ["a forbidden call", call({ _tag: "Forbidden" }), "neither"],
    ["a backend that cannot be reached", call({ _tag: "Unreachable", code: null }), "try later"],
    ["a rate limit", call({ _tag: "Unavailable", status: 429, retryAfter: null }), "try later"],
    ["a malformed answer", call({ _tag: "MalformedAnswer" }), "neither"],
    ["an untrusted server", call({ _tag: "UntrustedServer", code: "X" }), "neither"],
    ["a stalled download", download({ _tag: "Stalled" }), "try later"],
    ["an expired link", download({ _tag: "Expired", status: 403 }), "try later"],
    ["a bundle that is too large", download({ _tag: "TooLarge", bytes: 2, most: 1 }), "neither"],
    ["a lock that another process holds", timedOut, "try later"],
    ["a lock after an uninstall", partial(timedOut), "try later"],
    [
      "a file that another program holds",
      store({
        _tag: "Held",
        path: "/x",
        cause: platformError({ code: "EBUSY", method: "rename", pathOrDescriptor: "/x" })
      }),
      "try later"
    ],
    ["a plugin that is not installed", store({ _tag: "NotInstalled" }), "neither"],
    ["an error of another package", new Error("no"), "neither"],
    ["a value that is not an error", null, "neither"]
  ]
  it.each(cases)("advises on %s", (_, error, advice) => {
    assert.strictEqual(isSignInNeeded(error), advice === "sign in")
    assert.strictEqual(isTransient(error), advice === "try later")
  })
})
