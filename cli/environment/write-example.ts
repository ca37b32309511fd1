// Writes `.env.example` anew.
import { inProject } from "../project.ts"
import { environmentFile } from "./example.ts"

await Bun.write(inProject(".env.example"), environmentFile())
