import {
  CloudWatchLogsClient,
  CreateLogStreamCommand,
  type InputLogEvent,
  PutLogEventsCommand,
  ResourceAlreadyExistsException,
  ResourceNotFoundException,
} from '@aws-sdk/client-cloudwatch-logs';
import { credentialsOf } from '../../../aws/credentials.ts';
import { awsFailure } from '../../aws-failure.ts';
import type { CloudwatchLogsSinkSettings } from './config.ts';

/** Which of the events that were put are not kept, by their place among them. */
export interface NotKept {
  readonly at: number;
  readonly reason: string;
}

/** One log stream of CloudWatch Logs. */
export class CloudwatchLogsStream {
  readonly #client: CloudWatchLogsClient;
  readonly #names: { readonly logGroupName: string; readonly logStreamName: string };

  constructor({ region, endpoint, credentials, logGroup, streamPrefix }: CloudwatchLogsSinkSettings, sidecar: string) {
    this.#client = new CloudWatchLogsClient({
      region,
      ...(endpoint === undefined ? {} : { endpoint }),
      credentials: credentialsOf(credentials, { region, handler: () => undefined }),
      maxAttempts: 1, // the courier tries again
      requestHandler: { connectionTimeout: 3_000, requestTimeout: 30_000, throwOnRequestTimeout: true },
    });
    this.#names = { logGroupName: logGroup, logStreamName: `${streamPrefix}${sidecar}` };
  }

  /**
   * Puts events, whose timestamps must not go back. The stream is made where it is missing.
   * @throws {SinkError}
   */
  async put(logEvents: InputLogEvent[], abortSignal: AbortSignal): Promise<readonly NotKept[]> {
    try {
      return await this.#put(logEvents, abortSignal);
    } catch (error) {
      if (!(error instanceof ResourceNotFoundException)) throw awsFailure(error);
    }
    try {
      await this.#makeStream(abortSignal);
      return await this.#put(logEvents, abortSignal);
    } catch (error) {
      throw awsFailure(error); // of a group that is not there: which is not ours to make
    }
  }

  close(): void {
    this.#client.destroy();
  }

  async #put(logEvents: InputLogEvent[], abortSignal: AbortSignal): Promise<readonly NotKept[]> {
    const command = new PutLogEventsCommand({ ...this.#names, logEvents });
    const { rejectedLogEventsInfo: rejected } = await this.#client.send(command, { abortSignal });
    if (rejected === undefined) return [];
    const { tooOldLogEventEndIndex = 0, expiredLogEventEndIndex = 0, tooNewLogEventStartIndex = logEvents.length } = rejected;
    return logEvents.flatMap((_event, at): NotKept[] => {
      if (at < tooOldLogEventEndIndex) return [{ at, reason: 'older than CloudWatch Logs takes' }];
      if (at < expiredLogEventEndIndex) return [{ at, reason: "older than the log group's retention" }];
      return at >= tooNewLogEventStartIndex ? [{ at, reason: 'further in the future than CloudWatch Logs takes' }] : [];
    });
  }

  async #makeStream(abortSignal: AbortSignal): Promise<void> {
    try {
      await this.#client.send(new CreateLogStreamCommand(this.#names), { abortSignal });
    } catch (error) {
      if (!(error instanceof ResourceAlreadyExistsException)) throw error;
    }
  }
}
