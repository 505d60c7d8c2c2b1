import type { Ordinal, SubjectNo } from '../src/ids.js'
import type { Change } from '../src/scope/seam.js'
import { Driver } from './driver.js'

/** The seam of level `off`: messages and states pass without an event, and no asynchronous context is made of them. */
export class OffDriver extends Driver {
  override send(_channel: SubjectNo, _payload: unknown, _event?: string): void {}
  override receive<T>(_channel: SubjectNo, _payload: unknown, handle: () => T, _event?: string): T {
    return handle()
  }
  override init(_container: SubjectNo, _state: unknown): void {}
  override resume<T>(_origin: Ordinal | null, body: () => T): T {
    return body()
  }
  override detached<T>(body: () => T): T {
    return body()
  }
  override change(_container: SubjectNo, _change: Change): void {}
}
