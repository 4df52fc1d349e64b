/**
 * `npm run test:package`: installs the packed package into empty projects, and uses it there as its
 * users do: the program alone, and the examples of a host and its test.
 *
 * It needs npm's registry. Each check runs on the lowest Node 22 and 24 that the package supports and
 * on the newest, and compiles with TypeScript 5.9 and 7.
 */
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"

const nodes = ["22.21.0", "24.5.0", "latest"]
const typescripts = ["5.9", "7"]

/** The packages of npm that hold one program of Node each. */
const nodePackage = `node-${process.platform === "win32" ? "win" : process.platform}-${process.arch}`

const root = Path.resolve(import.meta.dirname, "../..")
const folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "package-"))

interface Output {
  readonly stdout: string
  readonly stderr: string
}

/** Runs a program to its end, and fails if it fails. */
const run = (
  command: string,
  args: ReadonlyArray<string>,
  { cwd = folder, env = {} }: { readonly cwd?: string; readonly env?: Record<string, string> } = {}
): Promise<Output> =>
  new Promise((resolve, reject) => {
    ChildProcess.execFile(
      command,
      args,
      {
        cwd,
        encoding: "utf8",
        env: { ...process.env, npm_config_loglevel: "error", ...env },
        maxBuffer: 64 * 1024 * 1024
      },
      (error, stdout, stderr) => {
        if (error === null) resolve({ stdout, stderr })
        else reject(new Error(`${command} ${args.join(" ")} failed:\n${stdout}\n${stderr}`))
      }
    )
  })

const check = (holds: boolean, claim: string, output: Output = { stdout: "", stderr: "" }) => {
  if (!holds) throw new Error(`not so: ${claim}\n${output.stdout}\n${output.stderr}`)
  console.log(`✓ ${claim}`)
}

/** An empty project with these packages installed. */
const project = async (name: string, ...packages: ReadonlyArray<string>): Promise<string> => {
  const cwd = Path.join(folder, name)
  Fs.mkdirSync(cwd)
  Fs.writeFileSync(
    Path.join(cwd, "package.json"),
    JSON.stringify({ type: "module", private: true })
  )
  await run("npm", ["install", "--no-audit", "--no-fund", "--prefer-offline", ...packages], { cwd })
  return cwd
}

/** A copy of the repository, so that packing takes nobody the `dist` away. */
const copied = () => {
  const copy = Path.join(folder, "repository")
  const left = new Set(["node_modules", "dist", ".git"].map((name) => Path.join(root, name)))
  Fs.cpSync(root, copy, { recursive: true, filter: (source) => !left.has(source) })
  Fs.symlinkSync(Path.join(root, "node_modules"), Path.join(copy, "node_modules"))
  return copy
}

const packed = async () => {
  const { stdout } = await run("npm", ["pack", "--json", "--pack-destination", folder], {
    cwd: copied()
  })
  const [{ filename, files, size, unpackedSize }] = JSON.parse(
    stdout.slice(stdout.indexOf("[\n"))
  ) as [
    {
      readonly filename: string
      readonly size: number
      readonly unpackedSize: number
      readonly files: ReadonlyArray<{ readonly path: string }>
    }
  ]
  console.log(
    `packed ${Math.round(size / 1000)} kB, unpacked ${Math.round(unpackedSize / 1000)} kB`
  )
  const paths = files.map(({ path }) => path)
  check(
    !paths.some((path) => path.startsWith("test/") || path.startsWith("src/cli/")),
    "the package holds neither tests nor the program's sources"
  )
  check(
    paths.includes("dist/bin/THIRD-PARTY-NOTICES.txt") &&
      paths.includes("dist/man/codex-plugins.1"),
    "the package holds the licences of bundled code"
  )
  return Path.join(folder, filename)
}

const examples = ["host.ts", "identify.ts", "identify.test.ts"]

const strict = [
  "--noEmit",
  "--strict",
  "--exactOptionalPropertyTypes",
  "--allowImportingTsExtensions",
  "--module",
  "nodenext",
  "--target",
  "es2024",
  "--types",
  "node"
]

const main = async () => {
  const tarball = await packed()
  const [program, host, tools] = await Promise.all([
    project("program", tarball),
    project(
      "host",
      tarball,
      "effect",
      "@effect/platform-node",
      "@effect/vitest",
      "vitest",
      "@types/node"
    ),
    project(
      "tools",
      ...nodes.map((version) => `node-${version}@npm:${nodePackage}@${version}`),
      ...typescripts.map((version) => `typescript-${version}@npm:typescript@${version}`),
      "publint",
      "@arethetypeswrong/cli"
    )
  ])
  const tool = (path: string) => Path.join(tools, "node_modules", path)

  const installed = Fs.readdirSync(Path.join(program, "node_modules")).filter(
    (name) => !name.startsWith(".")
  )
  check(installed.join() === "effect-codex-plugins", "the program installs no other package")

  await run(tool(".bin/publint"), ["--strict", tarball])
  check(true, "publint has no complaint")
  await run(tool(".bin/attw"), ["--profile", "esm-only", tarball])
  check(true, "attw has no complaint")

  for (const example of examples)
    Fs.copyFileSync(Path.join(root, "test/examples", example), Path.join(host, example))
  for (const version of typescripts) {
    const compiler = tool(`typescript-${version}/bin/tsc`)
    await run(process.execPath, [compiler, ...strict, ...examples], { cwd: host })
    check(true, `the examples compile with TypeScript ${version}`)
  }

  const home = Path.join(folder, "home")
  Fs.mkdirSync(home)
  const bin = Path.join(program, "node_modules/effect-codex-plugins/dist/bin/codex-plugins.js")
  for (const version of nodes) {
    const node = tool(`node-${version}/bin/node`)
    const name = `Node ${(await run(node, ["--version"])).stdout.trim()}`
    const demo = await run(node, [bin, "demo"])
    check(
      demo.stdout.includes("weather@openai-curated-remote") && !demo.stderr.includes("Warning"),
      `the program syncs on ${name}, without a warning`,
      demo
    )
    const signedOut = await run(node, ["host.ts"], { cwd: host, env: { CODEX_HOME: home } })
    check(signedOut.stdout.includes("codex login"), `the host example runs on ${name}`, signedOut)
    await run(node, ["node_modules/vitest/vitest.mjs", "run"], { cwd: host })
    check(true, `the test example passes on ${name}`)
  }
}

try {
  await main()
} finally {
  Fs.rmSync(folder, { recursive: true, force: true })
}
