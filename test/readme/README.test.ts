import { assert, describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"

// These read files of this repository: what they say is the subject.
const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8")
const readme = read("README.md")

/** The code block that follows a comment naming its file. */
const blockOf = (file: string) => readme.split(`<!-- ${file} -->\n\n\`\`\`ts\n`)[1]?.split("```")[0]

describe("README", () => {
  it.each(["test/readme/host.ts", "test/readme/host.test.ts"])(
    "shows %s as it is type-checked and run",
    (file) => assert.strictEqual(blockOf(file), read(file))
  )

  it("names each script that it tells to run", () => {
    const { scripts } = JSON.parse(read("package.json"))
    const named = [...readme.matchAll(/npm run ([\w:]+)/g)].map(([, script]) => script)
    assert.includeMembers(Object.keys(scripts), named)
  })
})
