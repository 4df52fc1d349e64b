import { NodeServices } from "@effect/platform-node"
import { afterAll, assert, describe, it, layer } from "@effect/vitest"
import { Context, Effect, Fiber, Layer, Option } from "effect"
import * as Fs from "node:fs"
import * as TestReply from "../../src/testing/TestReply.ts"
import * as Differences from "./appServerDifferences.ts"
import { featured, type Play, plays, plugins } from "./appServerScript.ts"
import { type Answer, start } from "./support/AppServerClient.ts"
import * as CodexBinary from "./support/CodexBinary.ts"
import { type Program, programs } from "./support/Program.ts"
import * as LoopbackBackend from "./support/LoopbackBackend.ts"
import * as OurProgram from "./support/OurProgram.ts"

/** The answers of one server, step by step. */
interface Transcript {
  readonly home: string
  readonly answers: ReadonlyArray<Answer>
}

const carryOut = Effect.fnUntraced(function* (program: Program, play: Play) {
  const { backend, environment, makeHome } = yield* LoopbackBackend.make({
    plugins: play.plugins ?? plugins,
    featured
  })
  const home = yield* makeHome()
  if (!play.isSignedIn) Fs.rmSync(`${home}/auth.json`)
  const server = yield* start(program, { home, environment })
  const answers: Array<Answer> = []
  for (const { before, followedByPass, message, startsAfterSync } of play.steps) {
    if (startsAfterSync) yield* server.passAfter(0)
    if (before !== undefined) yield* before({ backend, home })
    const passes = yield* server.passes
    answers.push(yield* server.ask(message))
    if (followedByPass) yield* server.passAfter(passes)
  }
  return { home, answers }
}, Effect.scoped)

type Transcripts = ReadonlyMap<Program, Transcript>

class Played extends Context.Service<Played, ReadonlyMap<Play, Transcripts>>()("test/Played") {}

const perform = Effect.fnUntraced(function* (play: Play) {
  const performers = programs.filter((program) => play.isFor142 || program !== "0.142.0")
  const transcripts = yield* Effect.forEach(
    performers,
    (program) =>
      Effect.map(carryOut(program, play), (transcript) => [program, transcript] as const),
    { concurrency: "unbounded" }
  )
  return [play, new Map(transcripts)] as const
})

const played = Layer.effect(
  Played,
  Effect.map(
    Effect.forEach(Object.values<Play>(plays), perform, { concurrency: "unbounded" }),
    (performed) => new Map<Play, Transcripts>(performed)
  )
).pipe(Layer.provideMerge(OurProgram.layer), Layer.provideMerge(NodeServices.layer))

const answerOf = Effect.fnUntraced(function* (play: Play, program: Program, index: number) {
  const transcript = (yield* Played).get(play)?.get(program)
  const answer = transcript?.answers[index]
  if (answer === undefined) throw new Error(`${program} got no request`)
  return Differences.comparable(answer, transcript?.home ?? "")
})

/** Compares two answers to a step. Stated differences must occur. */
const compare = (
  differs: ReadonlyArray<Differences.DifferenceName>,
  ours: unknown,
  codex: unknown
): ReadonlyArray<string> => {
  const stale = differs.filter((name) => {
    const others = differs.filter((other) => other !== name)
    const [mine, theirs] = [ours, codex].map((answer) =>
      others.reduce<unknown>(Differences.leaveOut, answer)
    )
    return JSON.stringify(mine) === JSON.stringify(theirs)
  })
  const [mine, theirs] = [ours, codex].map((answer) =>
    differs.reduce<unknown>(Differences.leaveOut, answer)
  )
  assert.deepStrictEqual(mine, theirs)
  return stale
}

layer(played, { excludeTestServices: true, timeout: "5 minutes" })("our app-server", (it) => {
  for (const [name, play] of Object.entries<Play>(plays)) {
    describe(name, () => {
      play.steps.forEach((step, index) => {
        it.effect(
          `answers as Codex 0.169 does: ${step.title}`,
          Effect.fnUntraced(function* () {
            const ours = yield* answerOf(play, "ours", index)
            const stale = compare(step.differs ?? [], ours, yield* answerOf(play, "0.169.0", index))
            assert.deepStrictEqual(stale, [], "these differences do not occur any more")
          })
        )
        if (!play.isFor142 || step.message["method"] === "plugin/reconcile") return
        it.effect(
          `answers as Codex 0.142 does, except for fields that 0.142 lacks: ${step.title}`,
          Effect.fnUntraced(function* () {
            const ours = Differences.as142(yield* answerOf(play, "ours", index))
            const differs = [...(step.differs ?? []), ...(step.differsFrom142 ?? [])]
            compare(differs, ours, Differences.as142(yield* answerOf(play, "0.142.0", index)))
          })
        )
      })
    })
  }

  describe.each(programs)("the app-server of %s, when its stdin closes,", (program) => {
    it.effect(
      "exits with code 0",
      Effect.fnUntraced(function* () {
        const { backend, environment, makeHome } = yield* LoopbackBackend.make({ plugins })
        yield* backend.when({ kind: "read" }, TestReply.delay("1 second"))
        const server = yield* start(program, { home: yield* makeHome(), environment })
        yield* server.initialize
        const underWay = yield* server
          .request("plugin/read", { pluginName: plugins[0]!.id, remoteMarketplaceName: "any" })
          .pipe(Effect.option, Effect.forkChild)
        yield* backend.arrival({ kind: "read" })
        assert.strictEqual(yield* server.stop, 0)
        // See "answers at the end" and "notifications".
        assert.strictEqual(Option.isSome(yield* Fiber.join(underWay)), program === "ours")
        assert.strictEqual((yield* server.unasked).length === 0, program === "ours")
      })
    )
  })
})

describe("the differences of our app-server", () => {
  it("each occur in a step", () => {
    const steps = Object.values<Play>(plays).flatMap(({ steps }) => steps)
    const met = new Set(
      steps.flatMap(({ differs = [], differsFrom142 = [] }) => differs.concat(differsFrom142))
    )
    assert.sameMembers([...met], [...Differences.named])
  })
})

afterAll(() => {
  const played = Object.entries<Play>(plays).map(([name, { steps }]) => `${steps.length} ${name}`)
  console.log(
    [
      `Compared our app-server with those of Codex ${CodexBinary.versions.join(" and ")} in the requests of one client: ${played.join(", ")}.`,
      "The deliberate differences of ours:",
      ...Object.entries(Differences.differences).map(
        ([name, { codex, here, method, why }]) =>
          `- ${name} (${method}): Codex: ${codex}; here: ${here}; because ${why}.`
      )
    ].join("\n")
  )
})
