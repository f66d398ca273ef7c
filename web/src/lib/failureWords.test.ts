import { expect, it } from "vitest";
import { failureWords } from "./failureWords";

it("makes a sentence of the reason and says what can be done", () => {
  const corrupt = failureWords({ code: "corrupt", detail: "the file ends in the middle", retryable: false });
  expect(corrupt.reason).toBe("The file ends in the middle.");
  expect(corrupt.advice).toContain("another file");
  expect(failureWords({ code: "worker_lost", detail: "it died", retryable: true }).advice).toBe("Trying again may help.");
});

it("does not call a job that was stopped a failure", () => {
  const stopped = failureWords({ code: "cancelled", detail: "the job was cancelled", retryable: true });
  expect(stopped.reason).toBe("It was stopped.");
  expect(stopped.title).not.toContain("could not");
  expect(failureWords(null).reason).not.toBe("");
});
