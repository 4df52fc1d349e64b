import { assert, describe, expect, it } from "@effect/vitest"
import { explain, isSignInNeeded, isTransient } from "../src/ErrorAdvice.ts"
import * as Message from "../src/internal/message.ts"
import { type PublicError, publicErrors } from "./support/publicErrors.ts"

const cases = Object.entries(publicErrors).flatMap(([tag, errors]) =>
  Object.entries<PublicError>(errors).map(([name, error]) => ({ name: `${tag} ${name}`, error }))
)

describe("the messages of errors", () => {
  it("are as recorded for every reason", async () => {
    const text = cases.map(({ error, name }) => {
      const { remedy, what, why } = error.explanation
      return [name, what, why, remedy === null ? null : `help: ${remedy}`]
        .filter((part) => part !== null)
        .join("\n  ")
    })
    await expect(`${text.join("\n")}\n`).toMatchFileSnapshot("support/messages.txt")
  })

  it.each(cases)("consist of their parts: $name", ({ error }) => {
    const { remedy, what, why } = explain(error)
    const cause = what === null ? why : `${what}: ${why}`
    assert.strictEqual(error.message, remedy === null ? cause : `${cause}; ${remedy}`)
  })

  it.each(cases)("name a plugin, a path or a server once: $name", ({ error }) => {
    const count = (text: string) => error.message.split(text).length - 1
    assert.isAtMost(count("alpha@openai-curated-remote"), 1)
    assert.isAtMost(count("plugins~Plugin_alpha"), 1)
    assert.isAtMost(count("/home/tester/.codex/file"), 1)
  })

  it.each(cases.filter(({ error }) => isSignInNeeded(error) || isTransient(error)))(
    "say how to recover from an error that passes: $name",
    ({ error }) => {
      assert.isString(explain(error).remedy)
    }
  )

  it("can be printed without the operation, if a line names it", () => {
    const { NotSignedIn, RemoteCatalogError } = publicErrors
    assert.strictEqual(
      Message.withoutOperation(RemoteCatalogError.Forbidden),
      "the backend https://backend.test does not allow it for this account"
    )
    const { NoCredentials } = NotSignedIn
    assert.strictEqual(Message.withoutOperation(NoCredentials), NoCredentials.message)
  })

  it("have no remedy if they are of another package", () => {
    assert.deepStrictEqual(explain(new Error("no; try again")), {
      what: null,
      why: "no; try again",
      remedy: null
    })
  })
})
