import { assert, describe, it } from "@effect/vitest"
import * as CommandSkills from "../../../src/internal/bundle/commandSkills.ts"

const made = (text: string, path = "a") => CommandSkills.make([{ path, text }])

const nameOf = (path: string) => made("---\ndescription: d\n---\n", path)[0]?.name

const descriptionOf = (yaml: string) =>
  /^description: "(.*)"\n---$/ms.exec(made(`---\n${yaml}\n---\n`)[0]?.text ?? "")?.[1]

const isMade = (body: string) => made(`---\ndescription: d\n---\n${body}`).length === 1

describe("CommandSkills.make", () => {
  it("makes a skill of a command", () => {
    assert.deepStrictEqual(made("---\ndescription: Does it\n---\n\nDo it.\n\n", "sub/Bar Baz"), [
      {
        name: "source-command-sub-bar-baz",
        text: `---
name: "source-command-sub-bar-baz"
description: "Does it"
---

# source-command-sub-bar-baz

Use this skill when the user asks to run the migrated source command \`sub-Bar Baz\`.

## Command Template

Do it.
`
      }
    ])
  })

  it("reports a command without a body", () => {
    assert.include(
      made("---\ndescription: d\n---")[0]?.text,
      "\n\nNo command template body was found.\n"
    )
  })

  it.each([
    ["a", "source-command-a"],
    ["a.b", "source-command-a-b"],
    [".hidden/--x--", "source-command-hidden-x"],
    ["é", "source-command"],
    ["readme", "source-command-readme"],
    ["README/a", "source-command-readme-a"],
    ["a".repeat(49), `source-command-${"a".repeat(49)}`]
  ])("names the skill of %s %s", (path, name) => assert.strictEqual(nameOf(path), name))

  it.each(["README", "sub/README", "a".repeat(50)])("makes no skill of %s", (path) =>
    assert.isUndefined(nameOf(path))
  )

  it("makes no skill of commands that would have the same name", () => {
    const text = "---\ndescription: d\n---\n"
    const commands = ["a-b", "a/b", "c"].map((path) => ({ path, text }))
    assert.deepStrictEqual(
      CommandSkills.make(commands).map(({ name }) => name),
      ["source-command-c"]
    )
    assert.lengthOf(CommandSkills.make([commands[0]!, { path: "a/b", text: "no command" }]), 1)
  })

  it.each([
    ["name: x\ndescription: Does it # now", "Does it"],
    ["description: '  Does \"it\"  '", 'Does \\"it\\"'],
    ["description: a\\b", "a\\\\b"],
    ["description: |\n  One\n  two\n", "One\ntwo"],
    ['" description ": x', "x"],
    ["description: 12", "12"],
    ["description: true", "true"]
  ])("reads the description of %s", (yaml, description) =>
    assert.strictEqual(descriptionOf(yaml), description)
  )

  it.each([
    "name: x",
    "Description: x",
    "description:",
    "description: '  '",
    "description: [a]",
    "description: {a: b}",
    "description: a: b",
    "description: x\ndescription: y",
    "- description: x",
    "text"
  ])("finds no description in %s", (yaml) => assert.isUndefined(descriptionOf(yaml)))

  it.each([
    "Do it.\n",
    "---\ndescription: d\n",
    "---\n---\n",
    "\ufeff---\ndescription: d\n---\n",
    " ---\ndescription: d\n---\n"
  ])("finds no front matter in %j", (text) => assert.deepStrictEqual(made(text), []))

  it("accepts carriage returns and long fences", () => {
    assert.include(made("---\r\ndescription: d\r\n---\r\nOne\r\n")[0]?.text, "\n\nOne\n")
    assert.include(made("---\ndescription: d\n----\nOne\n")[0]?.text, "\n\n-\nOne\n")
  })

  it.each([
    "Do $ARGUMENTS",
    "Do $1",
    "Do {{ x }}",
    "Do !`x`",
    "Do ! `x`",
    "See @README.md",
    "See\u3000@x"
  ])("leaves placeholders alone: %s", (body) => assert.isFalse(isMade(body)))

  it.each(["It costs $x", "Do {{ x", "Do it! See `x`", "me@example.test, or @ home", "(@x)"])(
    "accepts %s",
    (body) => assert.isTrue(isMade(body))
  )
})

describe("CommandSkills.places", () => {
  it.each([
    [{}, ["commands"]],
    [{ commands: null }, ["commands"]],
    [{ commands: "./x//y/" }, ["x/y"]],
    [{ commands: ["./a.md", "x", "./../y", "././b"] }, ["a.md", "b"]],
    [{ commands: [] }, []],
    [{ commands: ["./a", 1] }, []],
    [{ commands: 1 }, []],
    [{ commands: { a: "./a.md" } }, []],
    [{ commands: "./" }, []]
  ])("finds for %j the paths %j", (manifest, places) =>
    assert.deepStrictEqual(
      CommandSkills.places(manifest).map((place) => place.join("/")),
      places
    )
  )
})
