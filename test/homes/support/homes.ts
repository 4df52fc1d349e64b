/**
 * A backend with two plugins and two accounts, a home for each account, and the built program on them.
 */
import { assert } from "@effect/vitest"
import { Context, Effect, FileSystem, Layer } from "effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as TestBackend from "../../../src/testing/TestBackend.ts"
import * as Certificates from "../../support/certificates.ts"
import type * as Mounts from "./mounts.ts"
import { execute, program } from "./program.ts"

export class Authority extends Context.Service<Authority, Certificates.Certificates>()(
  "test/Authority"
) {
  static readonly layer = Layer.effect(Authority, Certificates.make)
}

export const marketplace = "openai-curated-remote"
export const sidecarName = ".codex-remote-plugin-install.json"
export const alpha = TestBackend.plugin({ name: "alpha" })
export const beta = TestBackend.plugin({ name: "beta" })
export const accounts = [
  TestBackend.account({ id: "account-1" }),
  TestBackend.account({ id: "account-2" })
] as const

export const noWrap: Mounts.Wrap = (command) => command

/** A backend with two plugins and two accounts, and a home for each account. */
export const make = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const { ca, good } = yield* Authority
  const root = Fs.realpathSync(yield* fs.makeTempDirectoryScoped())
  const authority = Path.join(root, "authority.pem")
  Fs.writeFileSync(authority, ca)
  const backend = yield* TestBackend.make({ plugins: [alpha, beta], accounts })
  const { baseUrl } = yield* backend.serve({ bundles: good })
  const [home, other] = yield* Effect.forEach(accounts, (account) => {
    const home = Path.join(root, account.id)
    Fs.mkdirSync(home)
    return Effect.as(backend.writeHome(home, { baseUrl, account }), home)
  })
  const environment = {
    HOME: root,
    PATH: process.env["PATH"] ?? "",
    CODEX_CA_CERTIFICATE: authority
  }
  const run = (home: string, args: ReadonlyArray<string>, wrap = noWrap) =>
    execute(wrap([process.execPath, program, ...args]), { ...environment, CODEX_HOME: home })
  /** Fails with the program's output unless it exits with 0. */
  const succeed = Effect.fnUntraced(function* (
    home: string,
    args: ReadonlyArray<string>,
    wrap?: Mounts.Wrap
  ) {
    const { code, output, stdout } = yield* run(home, args, wrap)
    assert.strictEqual(code, 0, output)
    return stdout
  })
  return { backend, environment, home: home!, other: other!, root, run, succeed }
})

interface Item {
  readonly name: string
  readonly version?: string
  readonly installed: boolean
  readonly identity: string
  readonly source?: { readonly id?: string }
}

/** One line for each plugin in `list --json`. */
export const lines = (json: string): ReadonlyArray<string> =>
  (JSON.parse(json) as { readonly installed: ReadonlyArray<Item> }).installed.map(
    ({ identity, installed, name, source, version }) =>
      [name, version, installed ? "whole" : "broken", source?.id ?? identity].join(" ")
  )

export const whole = (
  { id, name }: Pick<ReturnType<typeof TestBackend.plugin>, "id" | "name">,
  version = "1.0.0"
) => `${name} ${version} whole ${id}`

export const versionsOf = (home: string, name: string) =>
  Fs.readdirSync(Path.join(home, "plugins/cache", marketplace, name)).filter(
    (entry) => entry !== sidecarName
  )
