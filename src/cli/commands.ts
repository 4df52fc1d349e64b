/**
 * All commands. Online commands load much code, so this module is imported only if one is needed.
 */
import { Command } from "effect/cli"
import { demo } from "./demo.ts"
import { doctor } from "./doctor.ts"
import { id } from "./id.ts"
import { install } from "./install.ts"
import { list } from "./list.ts"
import { prune } from "./prune.ts"
import { read } from "./read.ts"
import { run } from "./runCommand.ts"
import { search } from "./search.ts"
import { seed } from "./seed.ts"
import { serve } from "./serve.ts"
import { sync } from "./sync.ts"
import { uninstall } from "./uninstall.ts"
import { verify } from "./verify.ts"
import { watch } from "./watch.ts"

export const all = Command.withSubcommands([
  sync,
  list,
  id,
  search,
  read,
  install,
  uninstall,
  verify,
  prune,
  doctor,
  run,
  watch,
  seed,
  serve,
  demo
])
