/**
 * Bundles with commands, from which 0.169 makes skills.
 */
import type * as TestBundle from "../../../src/testing/TestBundle.ts"
import { entries } from "../../../src/testing/TestBundle.ts"
import type { Case } from "./Case.ts"
import * as C from "./Case.ts"

type Files = (name: string) => TestBundle.Files

/** 0.142 makes no skills. */
const skills = C.asNewer("skills of commands")

const shipped = ".codex-plugin/migrated-command-skills"

/** Our program reads this description of the command. */
const loosely = (description: string): C.Differs =>
  C.fromBoth("front matter", (codex, { name }) => {
    const root = `${C.createdByMe}/${name}/1.0.0/${shipped}`
    const text = `---
name: "source-command-a"
description: "${description}"
---

# source-command-a

Use this skill when the user asks to run the migrated source command \`a\`.

## Command Template

Do it.
`
    return {
      ...codex,
      tree: { ...codex.tree, ...C.treeOf({ [`${root}/source-command-a/SKILL.md`]: text }) }
    }
  })

const bundle = (title: string, files: Files, differs?: C.Differs): Case => ({
  title: `commands: ${title}`,
  make: (name) => ({ plugins: [{ name, scope: "USER", bundle: entries(files(name)) }] }),
  differs
})

const manifest = (name: string, fields: object = {}): TestBundle.Files => ({
  [C.manifestPath]: JSON.stringify({ name, ...fields })
})

/** Commands by their paths below `commands`. */
const commands = (title: string, files: TestBundle.Files, differs?: C.Differs): Case =>
  bundle(
    title,
    (name) => ({
      ...manifest(name),
      ...Object.fromEntries(Object.entries(files).map(([path, file]) => [`commands/${path}`, file]))
    }),
    differs
  )

const command = (description: string, body = "Do it.\n") =>
  `---\ndescription: ${description}\n---\n${body}`

/** One command with this front matter. */
const front = (title: string, frontMatter: string, differs?: C.Differs): Case =>
  commands(`front matter: ${title}`, { "a.md": `---\n${frontMatter}\n---\nDo it.\n` }, differs)

/** One command with this body. */
const body = (title: string, text: string, differs?: C.Differs): Case =>
  commands(`body: ${title}`, { "a.md": command("Does it", text) }, differs)

/** Forms of `commands` in a manifest, with commands in three places. */
const named = (title: string, value: unknown, differs?: C.Differs): Case =>
  bundle(
    `the manifest names ${title}`,
    (name) => ({
      ...manifest(name, { commands: value }),
      "commands/usual.md": command("Usual"),
      "other/one.md": command("One"),
      "other/deep/two.md": command("Two"),
      "third/three.md": command("Three")
    }),
    differs
  )

export const commandCases: ReadonlyArray<Case> = [
  commands("one", { "foo.md": command("Does it") }, skills),
  commands("none in their folder", { "a.txt": "a" }),
  commands(
    "some in folders",
    {
      "sub/Bar Baz.md": command("One"),
      "a.b.md": command("Two"),
      ".hidden/x.md": command("Three"),
      ".y.md": command("Four"),
      "--z--.md": command("Five")
    },
    skills
  ),
  commands(
    "names without ASCII letters",
    { "é.md": command("One"), "日本/x.md": command("Two") },
    skills
  ),
  commands("other extensions", {
    "a.MD": command("One"),
    "b.markdown": command("Two"),
    c: command("Three")
  }),
  commands("README", { "README.md": command("One"), "sub/README.md": command("Two") }),
  commands("README in small letters", { "readme.md": command("One") }, skills),
  commands(
    "two of one name",
    {
      "a-b.md": command("One"),
      "a/b.md": command("Two"),
      "c.md": command("Three")
    },
    skills
  ),
  commands(
    "two of one name of which one is no command",
    {
      "a-b.md": "text",
      "a/b.md": command("Two")
    },
    skills
  ),
  commands("a name of 64 letters", { [`${"a".repeat(49)}.md`]: command("One") }, skills),
  commands("a name of 65 letters", { [`${"a".repeat(50)}.md`]: command("One") }),
  commands("one that is not UTF-8", {
    "a.md": command("One"),
    "b.md": Buffer.from(command("caf\xe9"), "latin1")
  }),
  commands("a byte-order mark", { "a.md": `\ufeff${command("One")}` }),
  commands("a mode of 0600", { "a.md": { content: command("One"), mode: 0o600 } }, skills),
  commands("an empty file", { "a.md": "" }),
  commands("no front matter", { "a.md": "Do it.\n" }),
  commands("a front matter that does not end", { "a.md": "---\ndescription: Does it\n" }),
  commands(
    "a front matter that ends the file",
    { "a.md": "---\ndescription: Does it\n---" },
    skills
  ),
  commands("an empty front matter", { "a.md": "---\n---\nDo it.\n" }),
  commands(
    "line feeds and carriage returns",
    {
      "a.md": "---\r\ndescription: Does it\r\n---\r\nDo it.\r\nAgain.\r\n",
      "b.md": "---\r\ndescription: Does it\n---\nDo it.\n"
    },
    skills
  ),
  commands("a rule in the body", { "a.md": command("Does it", "One\n---\nTwo\n") }, skills),
  commands(
    "a fence with spaces after it",
    {
      "a.md": "---\ndescription: Does it\n--- \nDo it.\n---\nB\n"
    },
    skills
  ),
  commands(
    "a fence with more hyphens",
    { "a.md": "---\ndescription: Does it\n----\nDo it.\n" },
    skills
  ),
  front("no description", "name: x"),
  front(
    "other keys",
    "allowed-tools: Bash(git:*)\nargument-hint: '[x]'\ndescription: Does it\nmodel: x",
    skills
  ),
  front("a blank description", "description: '  '"),
  front("no value", "description:"),
  front("null", "description: null"),
  front("a tilde", "description: ~"),
  front("a number", "description: 12", skills),
  front("a number with a fraction", "description: 1.50", skills),
  front("a whole number with a fraction", "description: 1.0", loosely("1")),
  front("a hexadecimal number", "description: 0x10", skills),
  front("true", "description: true", skills),
  front("yes", "description: yes", skills),
  front("a date", "description: 2020-01-01", skills),
  front("a list", "description: [a, b]"),
  front("a mapping", "description: {a: b}"),
  front("single quotes", "description: 'It''s \"this\"'", skills),
  front("double quotes", 'description: "A \\"b\\" \\\\ \\u00e9 \\n c"', skills),
  front("backslashes", "description: a\\b", skills),
  front("spaces around it", "description: '  Does it  '", skills),
  front("a folded text", "description: >\n  One\n  two\n\n  three", skills),
  front("a literal text", "description: |\n  One\n  two", skills),
  front("a text over several lines", "description: One\n  two\n  three", skills),
  front("a colon in it", "description: Use: this"),
  front("a hash in it", "description: Does it # not this", skills),
  front("a key in quotes", '"description": Does it', skills),
  front("a key with a space in it", '" description ": Does it', skills),
  front("a key in capitals", "Description: Does it"),
  front("the key twice", "description: One\ndescription: Two"),
  front("another key twice", "x: 1\nx: 2\ndescription: Does it"),
  front("an anchor", "x: &a Does it\ndescription: *a", skills),
  front("a tag", "description: !x Does it", loosely("!x Does it")),
  front("a tag of text", "description: !!str 12", loosely("!!str 12")),
  front("a merge", "x: &a\n  description: Does it\n<<: *a", loosely("Does it")),
  front("a comment", "# A comment\ndescription: Does it", skills),
  front("a list and no mapping", "- description: Does it"),
  front("text alone", "Does it"),
  front("something that is no YAML", "description: [a"),
  front("brackets of arguments", "argument-hint: [a] [b]\ndescription: Does it"),
  front("a tab", "description:\tDoes it", skills),
  front("a percent sign", "description: %x", loosely("%x")),
  front("an at sign", "description: @x", loosely("@x")),
  front("an emoji", "description: 😀 Does it", skills),
  body("nothing", "", skills),
  body("white space", "\n \n", skills),
  body("white space around it", "\n\n  Do it.  \n\n\n", skills),
  body("white space of Unicode around it", "\u00a0\u2003Do it.\u0085\u3000\n", skills),
  body("a byte-order mark at its start", "\ufeffDo it.\n", skills),
  body("$ARGUMENTS", "Do $ARGUMENTS now\n"),
  body("a numbered argument", "Do $1 now\n"),
  body("a dollar sign", "It costs $x or $ 1\n", skills),
  body("braces", "Do {{ x }} now\n"),
  body("opening braces", "Do {{ x now\n", skills),
  body("braces in the other order", "Do }} x {{ now\n"),
  body("a command", "Status: !`git status`\n"),
  body("a command after a space", "Status: ! `git status`\n"),
  body("an exclamation mark", "Do it now! See `x`\n", skills),
  body("a file", "See @README.md now\n"),
  body("an at sign", "See @ now, or me@example.test\n", skills),
  body("an at sign in brackets", "See (@README.md)\n", skills),
  body("an at sign after a space of Unicode", "See\u3000@README.md\n"),
  body("text of Claude", "Ask Claude Code about CLAUDE.md and claude\n", skills),
  named("another folder", "./other", skills),
  named("another folder with a slash at its end", "./other/", skills),
  named("a file", "./other/one.md", skills),
  named("several places", ["./other/one.md", "./third"], skills),
  named("a place twice", ["./third", "./third/three.md"], skills),
  named("a folder within another one", ["./other", "./other/deep"], skills),
  named("the usual folder", "./commands", skills),
  named("a folder without a dot", "other"),
  named("a folder without a dot, among others", ["other", "./third"], skills),
  named("a folder that is not there", "./nowhere"),
  named("a folder outside", "./../other"),
  named("an absolute folder", "/tmp"),
  named("the root", "./"),
  named("a folder with a dot more", "././other", skills),
  named("a folder with two slashes", "./other//deep", skills),
  named("a file of another extension", "./.codex-plugin/plugin.json"),
  named("a folder that leaves the root and comes back", "./other/../third"),
  named("a folder with spaces around it", " ./third "),
  named("nothing", ""),
  named("an empty list", []),
  named("null", null, skills),
  named("a number", 1),
  named("a list with a number", ["./third", 1]),
  named("a mapping", { three: "./third/three.md" }),
  named("a mapping of sources", { mine: { source: "./third/three.md", description: "Mine" } }),
  named("a mapping of contents", { mine: { content: "Do it.", description: "Mine" } }),
  bundle(
    "for Claude",
    (name) => ({
      ".claude-plugin/plugin.json": JSON.stringify({ name }),
      "commands/a.md": command("One")
    }),
    skills
  ),
  bundle(
    "of an agent plugin",
    (name) => ({
      "plugin.json": JSON.stringify({
        $schema: "https://agent-plugins.org/schemas/1.0.0/plugin.schema.json",
        name
      }),
      "commands/a.md": command("One")
    }),
    C.asNewer("places of manifests")
  ),
  bundle("of an agent plugin with a manifest for Codex", (name) => ({
    "plugin.json": JSON.stringify({
      $schema: "https://agent-plugins.org/schemas/1.0.0/plugin.schema.json",
      name
    }),
    ...manifest(name),
    "commands/a.md": command("One")
  })),
  bundle(
    "skills that are shipped in their place",
    (name) => ({
      ...manifest(name),
      [`${shipped}/mine/SKILL.md`]: "mine",
      "commands/a.md": command("One")
    }),
    skills
  ),
  bundle(
    "skills that are shipped in their place, and no commands",
    (name) => ({
      ...manifest(name),
      [`${shipped}/mine/SKILL.md`]: "mine"
    }),
    skills
  ),
  bundle(
    "skills that are shipped in an agent plugin",
    (name) => ({
      "plugin.json": JSON.stringify({
        $schema: "https://agent-plugins.org/schemas/1.0.0/plugin.schema.json",
        name
      }),
      [`${shipped}/mine/SKILL.md`]: "mine"
    }),
    C.asNewer("places of manifests")
  ),
  bundle(
    "a file in the place of the skills",
    (name) => ({
      ...manifest(name),
      [shipped]: "mine",
      "commands/a.md": command("One")
    }),
    skills
  ),
  bundle("a file in the place of the commands", (name) => ({
    ...manifest(name),
    commands: "mine"
  })),
  bundle(
    "a file in the place of Codex's folder",
    (name) => ({
      ".claude-plugin/plugin.json": JSON.stringify({ name }),
      ".codex-plugin": "mine",
      "commands/a.md": command("One")
    }),
    skills
  ),
  {
    title: "commands: of a curated bundle",
    make: (name) => ({
      plugins: [{ name, bundle: entries({ ...manifest(name), "commands/a.md": command("One") }) }]
    }),
    differs: skills
  },
  {
    title: "commands: of a version that is current",
    make: (name) => ({
      plugins: [{ name }],
      cachedFiles: {
        ...C.installed(name),
        ...C.version(name, "1.0.0", { "commands/a.md": command("One") })
      }
    })
  }
]
