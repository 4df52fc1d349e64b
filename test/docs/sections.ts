/**
 * The generated parts of the documents: tables that are lists in the tests or comments in the source,
 * and examples that are files of the tests.
 */
import * as AppServer from "../codex/appServerDifferences.ts"
import * as Json from "../cli/jsonExamples.ts"
import * as Codex from "../codex/cases/differences.ts"
import * as Modules from "./modules.ts"
import * as Options from "./options.ts"

/** A section is what is between `<!-- name -->` and `<!-- /name -->` in its file. */
interface Section {
  readonly file: string
  readonly name: string
  readonly content: string
}

const sections: ReadonlyArray<Section> = [
  { file: "docs/differences.md", name: "differences", content: Codex.markdown },
  { file: "docs/cli.md", name: "json examples", content: Json.markdown },
  { file: "docs/app-server.md", name: "app-server differences", content: AppServer.markdown },
  { file: "docs/hosts.md", name: "options", content: Options.markdown },
  { file: "docs/source.md", name: "modules", content: Modules.markdown }
]

const withSection = (text: string, { content, file, name }: Section): string => {
  const [before, rest = ""] = text.split(`<!-- ${name} -->`)
  const after = rest.split(`<!-- /${name} -->`)[1]
  if (after === undefined) throw new Error(`${file} has no section "${name}"`)
  return `${before}<!-- ${name} -->\n\n${content}\n\n<!-- /${name} -->${after}`
}

/** A code block below a comment that names a file of the tests. */
const examplePattern = /<!-- (test\/\S+\.ts) -->\n\n```ts\n.*?```/gs

/** The text of a document with its generated parts; `read` gives the text of a file. */
export const generated = (file: string, read: (path: string) => string): string =>
  sections
    .filter((section) => section.file === file)
    .reduce(withSection, read(file))
    .replace(
      examplePattern,
      (_, example: string) => `<!-- ${example} -->\n\n\`\`\`ts\n${read(example)}\`\`\``
    )

/** The files of the tests that a document shows. */
export const examplesOf = (text: string): ReadonlyArray<string> =>
  Array.from(text.matchAll(examplePattern), ([, example]) => example!)
