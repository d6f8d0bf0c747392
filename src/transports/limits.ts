/** What a process needs beside its connections: standard streams, records, modules. */
export const RESERVED_FILES = 64;

let openFiles: number | undefined;

/** How many files, sockets among them, this process may have open; Infinity where that is not told. */
export function maxOpenFiles(): number {
  if (openFiles === undefined) {
    // Node raises the soft limit to the hard one as it starts, so this is what there is. Looked up once: a report with
    // thousands of open sockets in it would take long.
    const { userLimits } = process.report.getReport() as {
      readonly userLimits?: { readonly open_files?: { readonly soft: unknown } };
    };
    const limit = Number(userLimits?.open_files?.soft);
    openFiles = Number.isFinite(limit) ? limit : Number.POSITIVE_INFINITY;
  }
  return openFiles;
}
