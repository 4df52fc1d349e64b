/**
 * The programs that are compared, and checks that each has done all of its work.
 */
import * as Fs from "node:fs"
import * as Module from "node:module"
import * as Os from "node:os"
import * as Path from "node:path"
import { fileURLToPath } from "node:url"
import * as InstallMetadata from "../../src/InstallMetadata.ts"
import { marketplaces } from "../../src/RemotePlugin.ts"
import type * as CodexBinary from "../codex/support/CodexBinary.ts"
import type { Measurement, Command, Run } from "./measure.ts"

/** A plugin that the account has, with the URL of its bundle. */
export interface Installed {
  readonly id: string
  readonly name: string
  readonly version: string
  readonly url: string
}

/** The surroundings of one run. */
export interface Place {
  /** A new Codex home with settings and credentials. */
  readonly home: string
  /** Another home with all plugins. */
  readonly from?: string | undefined
  readonly plugins: ReadonlyArray<Installed>
  /** PEM file of the authority that vouches for the bundles' server. */
  readonly authority: string
  /** True if no sidecars exist before the run. */
  readonly isCold: boolean
  /** The folder for temporary files of all runs, such as Node's compile cache. */
  readonly temporary: string
}

export interface Program {
  readonly name: string
  readonly program: (place: Place) => Command
  /** Figures that the program has measured itself, instead of those of the whole process. */
  readonly inner?: (run: Run) => Partial<Measurement>
  /** The missing part of the work; undefined if it is complete. */
  readonly missing: (place: Place, run: Run) => string | undefined
}

export type Task = "sync" | "seed" | "list" | "id" | "version"

const environmentOf = ({ authority, home, temporary }: Place) => ({
  PATH: process.env["PATH"] ?? "/usr/bin:/bin",
  HOME: home,
  // The compile cache is enabled, as on a user's machine. It is disabled for homes in memory.
  XDG_CACHE_HOME: process.env["XDG_CACHE_HOME"] ?? Path.join(Os.homedir(), ".cache"),
  TMPDIR: temporary,
  CODEX_HOME: home,
  // Codex and our program read this one.
  CODEX_CA_CERTIFICATE: authority,
  RUST_LOG: "codex_core_plugins=info"
})

const baseRootOf = (home: string, { name }: Installed) =>
  Path.join(home, "plugins/cache", marketplaces.curated, name)

const sidecarOf = (home: string, plugin: Installed) =>
  Path.join(baseRootOf(home, plugin), InstallMetadata.fileName)

const manifestNames = (root: string, { name }: Installed): boolean => {
  const file = Path.join(root, ".codex-plugin/plugin.json")
  return Fs.existsSync(file) && JSON.parse(Fs.readFileSync(file, "utf8")).name === name
}

const missingOfSync = ({ home, plugins }: Place): string | undefined => {
  const without = plugins.find((plugin) => {
    const sidecar = sidecarOf(home, plugin)
    return !(
      manifestNames(Path.join(baseRootOf(home, plugin), plugin.version), plugin) &&
      Fs.existsSync(sidecar) &&
      JSON.parse(Fs.readFileSync(sidecar, "utf8")).remote_plugin_id === plugin.id
    )
  })
  return without && `${without.name} ${without.version} is not there with its sidecar`
}

const missingOfList = ({ plugins }: Place, { stdout }: Run): string | undefined => {
  const listed = JSON.parse(stdout).installed.length
  return listed === plugins.length ? undefined : `${listed} of ${plugins.length} are listed`
}

const missingOf: Record<Task, Program["missing"]> = {
  sync: missingOfSync,
  seed: missingOfSync,
  list: missingOfList,
  id: ({ plugins }, { stdout }) =>
    stdout.trim() === plugins[0]!.id ? undefined : `the id is given as ${stdout}`,
  version: (_, { stdout }) => (stdout === "" ? "nothing is printed" : undefined)
}

const program = fileURLToPath(new URL("../../dist/bin/codex-plugins.js", import.meta.url))

export const ours = (task: Task): Program => ({
  name: "ours",
  missing: missingOf[task],
  program: (place) => {
    const words: Record<Task, ReadonlyArray<string>> = {
      sync: ["sync", "--json"],
      seed: ["seed", "--json", "--from", place.from ?? ""],
      list: ["list", "--json"],
      id: ["id", `${place.plugins[0]?.name}@${marketplaces.curated}`],
      version: ["--version"]
    }
    return {
      words: [process.execPath, program, ...words[task]],
      environment: environmentOf(place),
      folder: place.home
    }
  }
})

/**
 * Codex has no command for one id, so it lists all plugins for that case too, and none that copies plugins,
 * so it downloads them.
 */
export const codex = (version: CodexBinary.Version, binary: string, task: Task): Program => ({
  name: `Codex ${version}`,
  missing: missingOf[task === "id" ? "list" : task],
  program: (place) => {
    const words: Record<Task, ReadonlyArray<string>> = {
      sync: ["app-server"],
      seed: ["app-server"],
      list: ["plugin", "list", "--json"],
      id: ["plugin", "list", "--json"],
      version: ["--version"]
    }
    return {
      words: [binary, ...words[task]],
      environment: environmentOf(place),
      folder: place.home,
      ...(task === "sync" || task === "seed"
        ? {
            until: /completed remote installed plugin bundle sync/,
            makes: place.isCold ? place.plugins.map((plugin) => sidecarOf(place.home, plugin)) : []
          }
        : undefined)
    }
  }
})

const isUnpacked: Program["missing"] = ({ home, plugins }) => {
  const without = plugins.find(
    (plugin) => !manifestNames(Path.join(baseRootOf(home, plugin), plugin.version), plugin)
  )
  return without && `${without.name} is not unpacked`
}

const script = (file: string) => fileURLToPath(new URL(file, import.meta.url))

/** A bare script does not read `CODEX_CA_CERTIFICATE`. */
const bareEnvironmentOf = (place: Place) => ({
  ...environmentOf(place),
  NODE_EXTRA_CA_CERTS: place.authority
})

/** The baseline in JavaScript, because stripping its types would take a fifth of its time. */
const baselineScript = ({ temporary }: Place): string => {
  const file = Path.join(temporary, "baseline.mjs")
  if (!Fs.existsSync(file)) {
    const source = Fs.readFileSync(script("baseline.ts"), "utf8")
    Fs.writeFileSync(file, Module.stripTypeScriptTypes(source))
  }
  return file
}

/** The minimum work of a Node program; see its file. */
export const baseline: Program = {
  name: "bare Node",
  missing: isUnpacked,
  program: (place) => ({
    words: [process.execPath, baselineScript(place), place.home],
    environment: bareEnvironmentOf(place),
    folder: place.home
  })
}

/** The third pass of one process, measured by that process. */
export const warmHost = (who: "ours" | "baseline"): Program => ({
  name: who === "ours" ? "ours" : "bare Node",
  missing: (place, run) => {
    const home = Path.join(place.home, "pass-3")
    return who === "ours" ? missingOfSync({ ...place, home }) : isUnpacked({ ...place, home }, run)
  },
  inner: ({ stdout }) => {
    const { longestStall, pass } = JSON.parse(stdout)
    return { wall: pass, made: undefined, stall: longestStall }
  },
  program: (place) => ({
    words: [process.execPath, script("host.ts"), who, place.home],
    environment: bareEnvironmentOf(place),
    folder: place.home
  })
})

/** The start of Node. */
export const nodeStart: Program = {
  name: "Node's start",
  missing: () => undefined,
  program: (place) => ({
    words: [process.execPath, "--eval", "0"],
    environment: environmentOf(place),
    folder: place.home
  })
}

/** The start of our program. */
export const start: Program = { ...ours("version"), name: "--version" }

/** The number of bundles at a time in the pipeline. Twice or half as many take longer. */
const pipelineConcurrency = 16

const fetchOne = 'mkdir "$0" && curl -sSf --cacert "$CA" "$1" | tar -xz -C "$0"'

/**
 * Parallel `curl` and `tar`. This has advantages: the listing is given, and it writes no sidecar, rewrites no
 * manifest, syncs nothing to disk and checks only the checksum of gzip.
 */
export const pipeline: Program = {
  name: "curl and tar",
  missing: ({ home, plugins }) => {
    const without = plugins.find((plugin) => !manifestNames(Path.join(home, plugin.name), plugin))
    return without && `${without.name} is not unpacked`
  },
  program: (place) => {
    const list = Path.join(place.home, "bundles")
    Fs.writeFileSync(list, place.plugins.map(({ name, url }) => `${name} ${url}\n`).join(""))
    return {
      words: [
        "xargs",
        "-a",
        list,
        "-P",
        String(pipelineConcurrency),
        "-n",
        "2",
        "sh",
        "-c",
        fetchOne
      ],
      environment: { ...environmentOf(place), CA: place.authority },
      folder: place.home
    }
  }
}
