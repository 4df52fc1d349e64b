/** Plugins for the tests of the search. */
import * as TestBackend from "../../src/testing/TestBackend.ts"

export const github = TestBackend.plugin({
  name: "github",
  version: "1.4.0",
  id: "plugins~Plugin_4a801f4b45ac106fee1221b820cd852b",
  description:
    "Reads issues and pull requests,\nreviews changes, and watches the checks of a branch.",
  installed: false
})
export const gitlab = TestBackend.plugin({
  name: "gitlab",
  description: "\u001b[31mMerge requests"
})
export const barred = TestBackend.plugin({
  name: "git-barred",
  installed: false,
  row: { status: "DISABLED_BY_ADMIN" }
})
export const plugins = [
  gitlab,
  github,
  barred,
  TestBackend.plugin({ name: "weather", installed: false })
]
