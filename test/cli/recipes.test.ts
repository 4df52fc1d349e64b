import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Stream } from "effect"
import { ChildProcess } from "effect/process"
import { existsSync, readFileSync } from "node:fs"
import { helper } from "../support/builtPrograms.ts"
import { world } from "../support/shell.ts"
import * as TestBackend from "../../src/testing/TestBackend.ts"

const recipes = readFileSync(new URL("../../docs/recipes.md", import.meta.url), "utf8")

/** The code blocks of one language below a heading. */
const blocks = (heading: string, language: string): ReadonlyArray<string> => {
  const section = recipes.split(`## ${heading}\n`)[1]?.split("\n## ")[0] ?? ""
  return Array.from(
    section.matchAll(new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, "gs")),
    ([, block]) => block!
  )
}

const alpha = TestBackend.plugin({ name: "alpha" })

/** A backend, a new folder, and a shell with `codex-plugins` on its path. */
const shell = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const made = yield* world({ plugins: [alpha] })
  const folder = yield* fs.makeTempDirectoryScoped({ prefix: "recipes-" })
  const program = yield* Effect.promise(() => helper("terminalProgram"))
  yield* fs.makeDirectory(`${folder}/bin`)
  yield* fs.writeFileString(
    `${folder}/bin/codex-plugins`,
    `#!/bin/sh\nexec '${process.execPath}' '${program}' "$@"\n`,
    { mode: 0o755 }
  )
  /** Runs a script on a machine with this home. */
  const run = Effect.fnUntraced(function* (
    script: string,
    home: string,
    env: Readonly<Record<string, string>> = {}
  ) {
    const handle = yield* ChildProcess.make("sh", ["-euc", script], {
      cwd: folder,
      env: { PATH: `${folder}/bin:${process.env["PATH"]}`, HOME: home, ...env }
    })
    const [output, code] = yield* Effect.all(
      [Stream.mkString(Stream.decodeText(handle.all)), handle.exitCode],
      { concurrency: "unbounded" }
    )
    assert.strictEqual(Number(code), 0, `${script}\n${output}`)
    return output
  }, Effect.scoped)
  return { ...made, folder, run }
})

describe("the recipes", () => {
  it.live("for CI sync a home from a secret, and write the results as JSON", () =>
    Effect.gen(function* () {
      const { folder, home, run } = yield* shell
      const fs = yield* FileSystem.FileSystem
      const secret = yield* fs.readFileString(`${home}/auth.json`)
      yield* fs.remove(`${home}/auth.json`)
      yield* run(blocks("CI", "sh")[0]!, folder, { CODEX_HOME: home, CODEX_AUTH_JSON: secret })
      const { installedPluginIds } = JSON.parse(yield* fs.readFileString(`${folder}/plugins.json`))
      assert.deepStrictEqual(installedPluginIds, ["alpha@openai-curated-remote"])
      assert.strictEqual(Number((yield* fs.stat(`${home}/auth.json`)).mode) & 0o777, 0o600)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )

  it.live("for machines without a network carry the plugins over, and no credentials", () =>
    Effect.gen(function* () {
      const { folder, home, run } = yield* shell
      const fs = yield* FileSystem.FileSystem
      const [online = "", offline = ""] = blocks("Machines without a network", "sh").map((block) =>
        block.replaceAll("/media/usb", `${folder}/usb`)
      )
      yield* fs.makeDirectory(`${folder}/online`)
      yield* fs.symlink(home, `${folder}/online/.codex`)
      yield* run("codex-plugins sync", `${folder}/online`)
      yield* run(online, `${folder}/online`)
      assert.notInclude(yield* fs.readDirectory(`${folder}/usb/codex`), "auth.json")
      const listed = yield* run(offline, `${folder}/offline`)
      assert.include(listed, `alpha@openai-curated-remote  1.0.0    account  ${alpha.id}`)
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )

  it.live("for a home for each session download nothing that the other home has", () =>
    Effect.gen(function* () {
      const { backend, folder, home, run } = yield* shell
      const fs = yield* FileSystem.FileSystem
      yield* fs.makeDirectory(`${folder}/online`)
      yield* fs.symlink(home, `${folder}/online/.codex`)
      yield* run("codex-plugins sync", `${folder}/online`)
      const session = `${folder}/session`
      yield* fs.makeDirectory(session)
      for (const file of ["auth.json", "config.toml"]) {
        yield* fs.copyFile(`${home}/${file}`, `${session}/${file}`)
      }
      yield* backend.forget
      const block = blocks("A home for each session", "sh")[0]!
      const output = yield* run(block, `${folder}/online`, { SESSION_HOME: session })
      assert.include(output, " + alpha 1.0.0")
      assert.lengthOf(yield* backend.requests({ kind: "bundle" }), 0)
      for (const block of blocks("Disk space", "sh")) {
        assert.include(yield* run(block, `${folder}/online`), "Nothing to prune")
      }
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )

  it.live("for a session start the command once its plugins are in place", () =>
    Effect.gen(function* () {
      const { folder, home, run } = yield* shell
      const fs = yield* FileSystem.FileSystem
      yield* fs.writeFileString(
        `${folder}/bin/codex`,
        `#!/bin/sh\nls "$CODEX_HOME/plugins/cache/openai-curated-remote"\n`,
        { mode: 0o755 }
      )
      const block = blocks("Before a session", "sh")[0]!
      assert.include(yield* run(block, folder, { CODEX_HOME: home }), "alpha")
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )

  it.live("for completion write a script that bash accepts", () =>
    Effect.gen(function* () {
      const { folder, run } = yield* shell
      const block = blocks("Completion and the manual", "sh")[0]!.replace(/^man .*$/m, "")
      yield* run(block, folder)
      const script = `${folder}/.local/share/bash-completion/completions/codex-plugins`
      yield* run(`bash -n ${script}`, folder)
      const fs = yield* FileSystem.FileSystem
      assert.include(yield* fs.readFileString(script), "complete -F _codex_plugins codex-plugins")
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )

  it.live("for cron name a command that prints nothing when nothing changes", () =>
    Effect.gen(function* () {
      const { folder, home, run } = yield* shell
      const command = /^(?:\S+ ){5}(codex-plugins .*)$/m.exec(blocks("cron", "cron")[0]!)?.[1] ?? ""
      yield* run(command, folder, { CODEX_HOME: home })
      assert.strictEqual(yield* run(command, folder, { CODEX_HOME: home }), "")
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )

  it.live.skipIf(!existsSync("/usr/bin/systemd-analyze"))(
    "for systemd have units that systemd accepts",
    () =>
      Effect.gen(function* () {
        const { folder, run } = yield* shell
        const fs = yield* FileSystem.FileSystem
        const units = blocks("systemd", "ini")
        assert.lengthOf(units, 3)
        const names: Array<string> = []
        for (const unit of units) {
          const name = /^# .*\/(\S+)\n/.exec(unit)?.[1] ?? ""
          names.push(name)
          yield* fs.writeFileString(
            `${folder}/${name}`,
            unit.replaceAll("/usr/local/bin/codex-plugins", `${folder}/bin/codex-plugins`)
          )
        }
        const output = yield* run(`systemd-analyze verify --user ${names.join(" ")}`, folder, {
          SYSTEMD_UNIT_PATH: `${folder}:`,
          XDG_RUNTIME_DIR: folder
        })
        for (const name of names) assert.notInclude(output, name)
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )
})
