/**
 * Opens an HTML report in a browser and prints the milliseconds from the navigation to the first frame that has all of
 * its plots: `open-page.ts BROWSER PAGE`. A program of its own, since the browser's types are not those of Node.
 */
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

declare global {
  interface Window {
    drawnMs: number | undefined;
  }
}

const [executablePath = '', page = ''] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
try {
  const tab = await browser.newPage();
  await tab.addInitScript(() => {
    // The script of the page draws before it is loaded; the second frame is the first that was asked for after that.
    addEventListener('load', () =>
      requestAnimationFrame(() =>
        requestAnimationFrame(() => {
          window.drawnMs = performance.now();
        }),
      ),
    );
  });
  await tab.goto(pathToFileURL(page).href);
  const drawnMs = await (await tab.waitForFunction(() => window.drawnMs)).jsonValue();
  const plots = await tab.locator('figure.plot').count();
  const drawn = await tab.locator('figure.plot canvas').count();
  if (plots === 0 || drawn !== plots) {
    throw new Error(`${drawn} of ${plots} plots were drawn`);
  }
  console.log(drawnMs);
} finally {
  await browser.close();
}
