// The only import of cargo-lambda-cdk: `infra/build.mjs` replaces it with the code of the package.
export { RustFunction } from 'cargo-lambda-cdk';
