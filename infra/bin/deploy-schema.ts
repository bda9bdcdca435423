// Writes the JSON Schema of deploy.toml: `node --import tsx infra/bin/deploy-schema.ts`, in the root of the repository.
import { readFileSync, writeFileSync } from 'node:fs';
import { jsonSchema } from './deploy-toml/json-schema';

const schema = jsonSchema(readFileSync('deploy.example.toml', 'utf8'));
writeFileSync('infra/deploy.schema.json', `${JSON.stringify(schema, null, 2)}\n`);
