//! Clients whose id is the https URL of a document that describes them:
//! <https://datatracker.ietf.org/doc/draft-ietf-oauth-client-id-metadata-document/> (read 2026-11-28).
