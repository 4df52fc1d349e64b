/**
 * The skills that Codex 0.169 makes from a plugin's commands at its installation. Codex assumes
 * that a cached version has them, so every installation must make them.
 */
import { Option, Predicate, Result } from "effect"
import * as Yaml from "effect/encoding/Yaml"
import * as WhiteSpace from "../whiteSpace.ts"
import * as ManifestPath from "./manifestPath.ts"

/**
 * The folder of the skills, with one folder for each. Anything that the bundle has there is
 * removed.
 */
export const folder = [".codex-plugin", "migrated-command-skills"] as const

/** The name of a skill's file. */
export const fileName = "SKILL.md"

/** The extension of a command's file. */
export const extension = ".md"

/** The maximum length of a skill's name, in characters. Source: Codex. */
const maxNameLength = 64

export interface Command {
  /**
   * The path of its file below the path in the manifest, without extension, with `/` between
   * segments.
   */
  readonly path: string
  readonly text: string
}

interface Skill {
  readonly name: string
  readonly text: string
}

/** The files and folders that hold commands, as segments below the root: `commands` unless the manifest names others. */
export const places = (manifest: unknown): ReadonlyArray<ReadonlyArray<string>> => {
  const named = Predicate.hasProperty(manifest, "commands") ? manifest.commands : undefined
  if (Predicate.isNullish(named)) return [["commands"]]
  const paths: ReadonlyArray<unknown> = Array.isArray(named) ? named : [named]
  return paths.every(Predicate.isString)
    ? paths.flatMap((path) => Option.toArray(ManifestPath.segments(path)))
    : []
}

const frontMatter = /^---\r?\n(.*?)\r?\n---(?:\r?\n)?(.*)$/s

/** A scalar of YAML as text. */
const scalar = (value: unknown): string | undefined => {
  if (Predicate.isString(value)) return WhiteSpace.trim(value)
  return Predicate.isNumber(value) || Predicate.isBoolean(value) ? String(value) : undefined
}

const descriptionOf = (yaml: string): string | undefined => {
  const parsed = Option.getOrUndefined(Result.getSuccess(Result.try(() => Yaml.parse(yaml))))
  if (!Predicate.isObject(parsed) || Array.isArray(parsed)) return undefined
  const entry = Object.entries(parsed).find(([key]) => WhiteSpace.trim(key) === "description")
  return entry && scalar(entry[1])
}

/**
 * True if the text has syntax that only a command runner can fill in: arguments, templates, shell
 * commands, files.
 */
const isTemplate = (body: string): boolean =>
  /\$ARGUMENTS|\$\d|! ?`|(?:^|\p{White_Space})@\P{White_Space}/u.test(body) ||
  (body.includes("{{") && body.includes("}}"))

const nameOf = (path: string): string =>
  `source-command-${path}`
    .replace(/[^A-Za-z0-9]+/g, "-")
    .replace(/-$/, "")
    .toLowerCase()

const quoted = (text: string): string => `"${text.replace(/[\\"]/g, "\\$&")}"`

/** Converts a command to a skill, if it has a description and none of that syntax. */
const skillOf = ({ path, text }: Command): Skill | undefined => {
  const [, yaml, body = ""] = frontMatter.exec(text) ?? []
  const description = yaml === undefined ? undefined : descriptionOf(yaml)
  const name = nameOf(path)
  if (
    description === undefined ||
    description === "" ||
    name.length > maxNameLength ||
    isTemplate(body) ||
    path.split("/").at(-1) === "README"
  ) {
    return undefined
  }
  return {
    name,
    text: `---
name: ${quoted(name)}
description: ${quoted(description)}
---

# ${name}

Use this skill when the user asks to run the migrated source command \`${path.replaceAll("/", "-")}\`.

## Command Template

${WhiteSpace.trim(body) || "No command template body was found."}
`
  }
}

/** Converts commands to skills. Commands whose skills would have the same name are left out. */
export const make = (commands: Iterable<Command>): ReadonlyArray<Skill> => {
  const skills = Array.from(commands, skillOf).filter(Predicate.isNotUndefined)
  const count = new Map<string, number>()
  for (const { name } of skills) count.set(name, (count.get(name) ?? 0) + 1)
  return skills.filter(({ name }) => count.get(name) === 1)
}
