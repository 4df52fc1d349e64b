/**
 * `npm run docs:api`: writes the API reference from the declarations.
 */
import { execFileSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type Export, type Module, modules } from "./exports.ts"

/** The sentences of a comment, without its tags and with code in place of its links. */
const prose = (doc = "") =>
  doc
    .split(/^@/m)[0]!
    .trim()
    .replaceAll(/\{@link ([^}]+)\}/g, "`$1`")

const tag = (doc: string | undefined, name: string) =>
  new RegExp(`^@${name} (.+)$`, "m").exec(doc ?? "")?.[1]

const example = (doc = "") => /^@example\n([\s\S]*?)(?=\n@|$(?![\s\S]))/m.exec(doc)?.[1]?.trim()

const entry = ({ declaration, doc, kind, name, origin }: Export) => {
  const details = [kind, tag(doc, "category"), `since ${tag(doc, "since")}`].filter(Boolean)
  const head = [`### ${name}`, `_${details.join(" · ")}_`]
  if (origin !== undefined) {
    return [...head, `The same as in [${origin}](#${origin.toLowerCase()}).`].join("\n\n")
  }
  const shown = example(doc)
  return [
    ...head,
    prose(doc),
    `\`\`\`ts\n${declaration.trim()}\n\`\`\``,
    ...(shown === undefined
      ? []
      : [`Example:\n\n\`\`\`ts\n${shown.replaceAll(/^```.*\n?/gm, "")}\n\`\`\``])
  ].join("\n\n")
}

const section = ({ doc, entry: from, exports, name }: Module) =>
  [`## ${name}`, `From \`${from}\`.`, prose(doc), ...exports.map(entry)].join("\n\n")

const folder = mkdtempSync(join(tmpdir(), "declarations-"))
try {
  execFileSync("tsc", ["--emitDeclarationOnly", "--declarationMap", "false", "--outDir", folder])
  const all = modules(folder, ".d.ts")
  writeFileSync(
    new URL("../../docs/api.md", import.meta.url),
    [
      "# API reference",
      "Generated from the declarations by `npm run docs:api`.",
      all.map(({ name }) => `[${name}](#${name.toLowerCase()})`).join(" · "),
      ...all.map(section),
      ""
    ].join("\n\n")
  )
} finally {
  rmSync(folder, { recursive: true })
}
