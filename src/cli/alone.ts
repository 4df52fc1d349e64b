/**
 * The commands that start without the others, whose code takes time to load.
 */
import { Command } from "effect/cli"
import { id } from "./id.ts"
import { list } from "./list.ts"

/** Commands that answer offline and at once. They are loaded with the program. */
const quick = Promise.resolve(Command.withSubcommands([list, id]))

/** By their names. */
export const alone = {
  "--version": () => quick,
  id: () => quick,
  list: () => quick,
  run: () => import("./runCommand.ts").then(({ run }) => Command.withSubcommands([run])),
  seed: () => import("./seed.ts").then(({ seed }) => Command.withSubcommands([seed])),
  sync: () => import("./sync.ts").then(({ sync }) => Command.withSubcommands([sync]))
}
