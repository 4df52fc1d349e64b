/**
 * `doctor` and `verify` beside released Codex: the form of its own report, and plugins that it installed.
 */
import { NodeServices } from "@effect/platform-node"
import { assert, describe, layer } from "@effect/vitest"
import { Effect, FileSystem, Layer, Stream } from "effect"
import { ChildProcess } from "effect/process"
import * as TestBackend from "../../src/testing/TestBackend.ts"
import * as CodexAppServer from "./support/CodexAppServer.ts"
import * as CodexBinary from "./support/CodexBinary.ts"
import * as LoopbackBackend from "./support/LoopbackBackend.ts"
import * as OurProgram from "./support/OurProgram.ts"

const hello = TestBackend.plugin({ name: "hello", version: "1.2.3" })
const diary = TestBackend.plugin({
  name: "diary",
  version: "2.0.0",
  scope: "USER",
  files: { "commands/write.md": "---\ndescription: Writes an entry.\n---\n\nWrite an entry.\n" }
})

/** A home, and our program on it. */
const setting = Effect.gen(function* () {
  const { path } = yield* OurProgram.OurProgram
  const { environment, makeHome } = yield* LoopbackBackend.make({ plugins: [hello, diary] })
  const home = yield* makeHome()
  const ours = (...args: ReadonlyArray<string>) =>
    Effect.gen(function* () {
      const handle = yield* ChildProcess.make(process.execPath, [path, ...args], {
        env: { PATH: process.env["PATH"], HOME: home, CODEX_HOME: home, ...environment }
      })
      const [stdout, exitCode] = yield* Effect.all(
        [Stream.mkString(Stream.decodeText(handle.stdout)), handle.exitCode],
        { concurrency: "unbounded" }
      )
      return { stdout, exitCode: Number(exitCode) }
    }).pipe(Effect.scoped)
  return { environment, home, ours }
})

/** The type of each value, and null for null. */
const formOf = (value: object) =>
  Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, inner === null ? null : typeof inner])
  )

type Report = { readonly checks: Readonly<Record<string, { readonly remediation: unknown }>> }

/** The form of a check that is fine, and of one that needs the user. */
const formsOf = ({ checks }: Report) => {
  const all = Object.values(checks)
  return [
    all.find(({ remediation }) => remediation === null),
    all.find(({ remediation }) => remediation !== null)
  ].map((check) => formOf(check ?? {}))
}

layer(Layer.provideMerge(OurProgram.layer, NodeServices.layer), { excludeTestServices: true })(
  (it) => {
    describe.each(CodexBinary.versions)("our checks beside Codex %s", (version) => {
      it.effect(
        "have reports in the form of `codex doctor --json`",
        Effect.fnUntraced(function* () {
          const fs = yield* FileSystem.FileSystem
          const { environment, home, ours } = yield* setting
          yield* fs.remove(`${home}/auth.json`)
          const theirs = yield* CodexBinary.run(version, ["doctor", "--json"], {
            home,
            environment
          })
          const codex = JSON.parse(theirs.stdout.slice(theirs.stdout.indexOf("{")))
          const report = JSON.parse((yield* ours("doctor", "--json")).stdout)

          assert.deepStrictEqual(formsOf(report), formsOf(codex))
          const { fixed, ...rest } = report
          const { codexVersion, ...shared } = codex
          assert.isArray(fixed)
          assert.isString(codexVersion)
          assert.deepStrictEqual(formOf(rest), formOf(shared))
          assert.strictEqual(report.schemaVersion, codex.schemaVersion)
        })
      )

      it.effect(
        "verify the plugins that Codex installed, and find and repair a changed file",
        Effect.fnUntraced(function* () {
          const fs = yield* FileSystem.FileSystem
          const { environment, home, ours } = yield* setting
          const codex = yield* CodexAppServer.start({ version, home, environment })
          assert.deepStrictEqual((yield* codex.pass()).failed, [])
          yield* codex.stop

          assert.deepStrictEqual(yield* ours("verify"), {
            stdout: "Verified 2 of 2 plugins\n",
            exitCode: 0
          })
          const skill = `${home}/plugins/cache/openai-curated-remote/hello/1.2.3/skills/hello/SKILL.md`
          const before = yield* fs.readFileString(skill)
          yield* fs.writeFileString(skill, "Do something else.")
          const changed = yield* ours("verify")
          assert.strictEqual(changed.exitCode, 1)
          assert.include(changed.stdout, "~ skills/hello/SKILL.md (changed)")

          assert.strictEqual((yield* ours("verify", "--repair")).exitCode, 0)
          assert.strictEqual(yield* fs.readFileString(skill), before)
          assert.strictEqual((yield* ours("verify")).exitCode, 0)
        })
      )
    })
  }
)
