// Whether an HTTP server answers at a URL, with whatever status: answers.mjs URL. The exit code says.
try {
  const reply = await fetch(process.argv[2], { method: 'OPTIONS', signal: AbortSignal.timeout(2000) });
  await reply.body?.cancel();
} catch {
  process.exit(1);
}
