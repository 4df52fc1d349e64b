/**
 * `npm run docs`: writes the generated parts of the documents.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs"
import { generated } from "./sections.ts"

const at = (path: string) => new URL(`../../${path}`, import.meta.url)
const documents = ["README.md", ...readdirSync(at("docs")).map((name) => `docs/${name}`)]

for (const file of documents)
  writeFileSync(
    at(file),
    generated(file, (path) => readFileSync(at(path), "utf8"))
  )
