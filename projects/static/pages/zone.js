// Tells the server the reader's time zone with their next request.
document.cookie = `timezone=${Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC'}; path=/; max-age=31536000; samesite=lax`;
