/**
 * The generated sections of the documents: tables that are lists in the tests.
 */
import * as AppServer from "../codex/appServerDifferences.ts"
import * as Codex from "../codex/cases/differences.ts"

/** A section is what is between `<!-- name -->` and `<!-- /name -->` in its file. */
export interface Section {
  readonly file: string
  readonly name: string
  readonly content: string
}

export const sections: ReadonlyArray<Section> = [
  { file: "docs/differences.md", name: "differences", content: Codex.markdown },
  { file: "docs/app-server.md", name: "app-server differences", content: AppServer.markdown }
]

/** `text` with this section; a file without its marks is a mistake. */
export const withSection = (text: string, { content, file, name }: Section): string => {
  const [before, rest = ""] = text.split(`<!-- ${name} -->`)
  const after = rest.split(`<!-- /${name} -->`)[1]
  if (after === undefined) throw new Error(`${file} has no section "${name}"`)
  return `${before}<!-- ${name} -->\n\n${content}\n\n<!-- /${name} -->${after}`
}
