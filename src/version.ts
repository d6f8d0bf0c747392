/** The version of this package; a test holds it equal to package.json, which would cost a file read at each start. */
export const VERSION = '0.1.0';
