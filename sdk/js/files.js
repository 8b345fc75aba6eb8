// files.js: the files and the environment that a call was granted. Import it only where it is needed: a component that
// does is built against WASI besides the world of tools.
import preopens from "wasi:filesystem/preopens@0.2.6";
import environment from "wasi:cli/environment@0.2.6";

const CHUNK = 256 * 1024;

/** The bytes of a granted file, such as `/attachments/data.csv`. */
export function readBytes(path) {
  for (const [root, folder] of preopens.getDirectories()) {
    const inside = folder === "/" ? path : folder.replace(/\/$/, "") + "/";
    const relative = folder === "/" ? path.replace(/^\/+/, "") : path.startsWith(inside) ? path.slice(inside.length) : "";
    if (relative !== "") {
      return readAll(root, relative, path);
    }
  }
  throw new Error(`\`${path}\` is in no folder that was granted`);
}

/** The same as UTF-8 text. */
export function readText(path) {
  return utf8(readBytes(path));
}

/** The value of a variable of the environment, or undefined. */
export function getenv(name) {
  return environment.getEnvironment().find(([key]) => key === name)?.[1];
}

/** Bytes as text: QuickJS has no TextDecoder. What is no UTF-8 becomes U+FFFD. */
function utf8(bytes) {
  const parts = [];
  let codes = [];
  let at = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  while (at < bytes.length) {
    const first = bytes[at++];
    const more = first < 0x80 ? 0 : first >> 5 === 6 ? 1 : first >> 4 === 14 ? 2 : first >> 3 === 30 ? 3 : -1;
    let code = more > 0 ? first & (0x3f >> more) : first;
    let read = 0;
    while (read < more && bytes[at] >> 6 === 2) {
      code = (code << 6) | (bytes[at++] & 0x3f);
      read++;
    }
    const least = [0, 0x80, 0x800, 0x10000][more];
    const isSound = read === more && code >= least && code <= 0x10ffff && !(code >= 0xd800 && code < 0xe000);
    codes.push(isSound ? code : 0xfffd);
    if (codes.length === 8192) {
      parts.push(String.fromCodePoint(...codes));
      codes = [];
    }
  }
  parts.push(String.fromCodePoint(...codes));
  return parts.join("");
}

function readAll(root, relative, path) {
  const chunks = [];
  try {
    const file = root.openAt({ symlinkFollow: true }, relative, {}, { read: true });
    let offset = 0;
    for (let end = false; !end; ) {
      const [chunk, last] = file.read(CHUNK, offset);
      chunks.push(Uint8Array.from(chunk));
      offset += chunk.length;
      end = last || chunk.length === 0;
    }
  } catch (error) {
    throw new Error(`cannot read \`${path}\`: ${error?.message ?? error}`);
  }
  const all = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}
