import { expect, test } from "vitest";

import { browserName } from "../../client/device";

test.each([
  ["Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox"],
  ["Mozilla/5.0 (X11) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36", "Chrome"],
  ["Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15", "Safari"],
  ["Edg/150.0", "Edge"],
  ["curl", "Browser"],
])("%s is named %s", (agent, name) => {
  expect(browserName(agent)).toBe(name);
});
