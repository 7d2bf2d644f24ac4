import { type Argument, Call, COP_FLAG_AEAD_TLS_TYPE } from "@cryptodev/core";
import { SoftwareHost } from "@cryptodev/soft";

/**
 * The software device behind a guard: every call that reaches it is looked at, byte by byte, before it is answered.
 * Whatever a length says has to be there, at the pointer beside it.
 */
export class VigilantHost extends SoftwareHost {
  /** Arguments of CIOCGSESSION, as they are after the call as well. */
  readonly starts: Argument[] = [];
  /** How many calls were looked at. */
  seen = 0;

  override ioctl(fd: number, request: number, argument: Argument | null): number {
    if (argument instanceof Call) this.#look(argument);
    return super.ioctl(fd, request, argument);
  }

  #look(call: Call): void {
    this.seen += 1;
    const at = call.offset as Readonly<Record<string, number>>;
    const value = (field: string) => call.getUint32(at[field] as number);
    const size = (field: string) => call.pointees[(at[field] as number) / this.machine.pointerSize]?.length ?? 0;
    const holds = (field: string, length: number) => {
      if (size(field) < length) {
        throw new Error(`${call.ioctl.name}: ${field} has ${size(field)} bytes where the kernel uses ${length}`);
      }
    };
    const { name } = call.ioctl.argument;
    if (name === "session_op") {
      this.starts.push(call);
      holds("key", value("keylen"));
      holds("mackey", value("mackeylen"));
    }
    if (name === "crypt_op") {
      holds("src", value("len"));
      if (size("dst") > 0 || value("dst") !== 0) holds("dst", value("len"));
    }
    if (name === "crypt_auth_op") {
      const isTls = call.getUint16(at.flags as number) === COP_FLAG_AEAD_TLS_TYPE;
      const isAead = call.getUint16(at.flags as number) === 0;
      const grows =
        call.getUint16(at.op as number) === 0 ? (isAead ? value("tag_len") : isTls ? value("tag_len") + 1 : 0) : 0;
      holds("src", Math.max(value("len"), 1));
      holds("dst", value("len") + grows);
      holds("auth_src", value("auth_len"));
      holds("iv", value("iv_len"));
      if (value("tag_len") === 0)
        throw new Error("CIOCAUTHCRYPT: no tag_len, so whatever the session had before counts");
    }
  }
}
