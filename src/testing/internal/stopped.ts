/** The defect of every operation on a file system that was stopped. */
export class Stopped extends Error {
  override readonly name = "Stopped"
  override readonly message = "the file system was stopped"
}
