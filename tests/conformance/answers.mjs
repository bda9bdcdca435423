// answers.mjs URL: exits with 0 when an HTTP server answers at the URL, with any status.
try {
  const reply = await fetch(process.argv[2], { method: 'OPTIONS', signal: AbortSignal.timeout(2000) });
  await reply.body?.cancel();
} catch {
  process.exit(1);
}
