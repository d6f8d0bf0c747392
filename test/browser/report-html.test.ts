import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ComparisonReport } from '../../src/reports/comparison.js';
import { comparisonHtml } from '../../src/reports/comparison-html.js';
import { htmlReport } from '../../src/reports/html.js';
import type { Results } from '../../src/reports/results.js';
import { CHROMIUM, describeWith } from '../interop/foreign.js';
import { variedComparison } from '../support/comparisons.js';
import { longResults } from '../support/long-results.js';
import { resultsOn } from '../support/results.js';
import { sample } from '../support/samples.js';

const MINUTE = longResults({ seconds: 120, requestsPerS: 50 });
const TWO_HOURS = longResults({ seconds: 7_200, requestsPerS: 1_389 });
const HOSTILE = '"><img src=x onerror="window.pwned=1"></script><script>window.pwned=1</script>';
const failed = sample({ outcome: 'http_5xx', origin: 'target', status: 500 });

describeWith('chromium', 'report.html in a browser', () => {
  let browser: Browser;
  const directory = mkdtempSync(join(tmpdir(), 'infer-bench-html-'));

  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
  });
  afterAll(async () => {
    await browser.close();
    rmSync(directory, { recursive: true });
  });

  /** Opens a report from its file, and gathers what the page complains of and asks the network for. */
  async function open(results: Results | ComparisonReport, options: Parameters<Browser['newPage']>[0] = {}) {
    const file = join(directory, 'report.html');
    writeFileSync(file, 'comparisons' in results ? comparisonHtml(results) : htmlReport(results));
    const page = await browser.newPage(options);
    await page.addInitScript(noteTexts);
    const complaints: string[] = [];
    const requests: string[] = [];
    page.on('console', (message) => complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('request', (request) => requests.push(request.url()));
    const url = pathToFileURL(file).href;
    await page.goto(url);
    return { page, url, complaints, requests };
  }

  it('draws every plot, has a table behind each, complains of nothing and asks the network for nothing', async () => {
    const { page, url, complaints, requests } = await open(MINUTE);
    await expect.poll(() => inks(page)).toHaveLength(8);
    for (const inked of await inks(page)) {
      expect(inked).toBeGreaterThan(500);
    }
    expect(await page.locator('figure.plot').count()).toBe(8);
    expect(await page.locator('figure.plot details table tbody tr').count()).toBeGreaterThan(6 * 120);
    expect(complaints).toEqual([]);
    expect(requests).toEqual([url]);
    await page.close();
  });

  it('zooms all plots over time at once: by drag, by buttons, by keys, and back', async () => {
    const { page, complaints } = await open(MINUTE);
    const axes = () => drawnX(page, ['latency', 'requests', 'lag']);
    const whole = await axes();
    expect(new Set(whole).size).toBe(1);
    const reset = page.getByRole('button', { name: 'Reset zoom' });
    expect(await reset.isDisabled()).toBe(true);

    await page.locator('#plot-latency').scrollIntoViewIfNeeded();
    const box = (await page.locator('#plot-latency .u-over').boundingBox())!;
    await page.mouse.move(box.x + box.width * 0.25, box.y + 50);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.5, box.y + 60, { steps: 5 });
    await page.mouse.up();
    await expect.poll(axes).not.toEqual(whole);
    const zoomed = await axes();
    expect(new Set(zoomed).size).toBe(1);
    await expect.poll(() => reset.isDisabled()).toBe(false);

    await reset.click();
    await expect.poll(axes).toEqual(whole);
    await page.getByRole('button', { name: 'Zoom in' }).click();
    await expect.poll(axes).not.toEqual(whole);
    await page.locator('#plot-latency .u-over').dblclick();
    await expect.poll(axes).toEqual(whole);

    const drawing = page.locator('#plot-requests .drawing');
    await drawing.focus();
    await page.keyboard.press('+');
    await expect.poll(axes).not.toEqual(whole);
    await page.keyboard.press('Escape');
    await expect.poll(axes).toEqual(whole);
    await page.locator('#plot-histogram .drawing').scrollIntoViewIfNeeded();
    const bins = (await page.locator('#plot-histogram .u-over').boundingBox())!;
    const allBins = await pixels(page, 'histogram');
    await page.mouse.move(bins.x + 20, bins.y + 30);
    await page.mouse.down();
    await page.mouse.move(bins.x + bins.width / 2, bins.y + 40, { steps: 5 });
    await page.mouse.up();
    await expect.poll(() => pixels(page, 'histogram')).not.toBe(allBins);
    await expect.poll(() => reset.isDisabled()).toBe(false);
    await reset.click();
    await page.mouse.move(1, 1);
    await expect.poll(() => pixels(page, 'histogram')).toBe(allBins);
    await expect.poll(() => reset.isDisabled()).toBe(true);
    const time = page.locator('#plot-latency .legend output').first();
    await expect.poll(() => time.textContent()).toBe('');
    await drawing.focus();
    await page.keyboard.press('ArrowRight');
    await expect.poll(() => time.textContent()).toBe('0:00');
    await page.keyboard.press('Shift+ArrowRight');
    await expect.poll(() => time.textContent()).toBe('0:10');
    expect(complaints).toEqual([]);
    await page.close();
  });

  it('shows the values under the cursor, takes lines out and draws in a logarithmic axis', async () => {
    const { page, complaints } = await open(MINUTE);
    const top = () => page.locator('#plot-latency canvas').evaluate((canvas) => canvas.getBoundingClientRect().top);
    await page.locator('#plot-requests .u-over').scrollIntoViewIfNeeded();
    const above = await top();
    await page.locator('#plot-requests .u-over').hover();
    await expect.poll(() => page.locator('#plot-latency .legend button output').first().textContent()).toMatch(/ms$/);
    // What appears moves nothing, and the points under the cursor are of the colour of their lines.
    expect(await top()).toBe(above);
    const points = await page
      .locator('#plot-latency .u-cursor-pt')
      .evaluateAll((all) => all.map((point) => getComputedStyle(point).backgroundColor));
    expect(points).toContain('rgb(0, 103, 168)');
    expect(points).not.toContain('rgb(255, 255, 255)');
    const before = await pixels(page, 'latency');
    const max = page.locator('#plot-latency').getByRole('button', { name: /^max/ });
    await max.click();
    expect(await max.getAttribute('aria-pressed')).toBe('false');
    await expect.poll(() => pixels(page, 'latency')).not.toBe(before);
    const linear = await pixels(page, 'latency');
    await page.getByLabel('Logarithmic ms').check();
    await expect.poll(() => pixels(page, 'latency')).not.toBe(linear);
    expect(complaints).toEqual([]);
    await page.close();
  });

  it('is reached by keyboard: plots, zoom and the data of each plot', async () => {
    const { page } = await open(MINUTE);
    const reached = new Set<string>();
    for (let press = 0; press < 80; press++) {
      await page.keyboard.press('Tab');
      const where = await page.evaluate(() => {
        const element = document.activeElement as HTMLElement;
        return `${element.tagName}.${element.className} ${element.closest('figure')?.id ?? ''}`.trim();
      });
      reached.add(where);
    }
    for (const id of ['latency', 'requests', 'load', 'failures', 'lag', 'generator', 'spectrum', 'histogram']) {
      expect([...reached]).toContain(`SUMMARY. plot-${id}`);
      expect([...reached]).toContain(`DIV.drawing plot-${id}`);
    }
    await page.locator('#plot-latency summary').focus();
    await page.keyboard.press('Enter');
    expect(await page.locator('#plot-latency tbody td').first().isVisible()).toBe(true);
    await page.close();
  });

  it.each([
    [390, 'light'],
    [390, 'dark'],
    [1280, 'light'],
    [1280, 'dark'],
    [1920, 'light'],
    [1920, 'dark'],
  ] as const)('is no wider than a screen of %i px, and legible in %s', async (width, colorScheme) => {
    const { page, complaints } = await open(MINUTE, { viewport: { width, height: 900 }, colorScheme });
    await page.locator('details').evaluateAll((all) => {
      for (const one of all as HTMLDetailsElement[]) {
        one.open = true;
      }
    });
    expect(await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)).toBe(
      0,
    );
    expect(await faintTexts(page)).toEqual([]);
    expect(await faintInks(page)).toEqual([]);
    expect(await cutTables(page)).toEqual([]);
    expect(complaints).toEqual([]);

    const comparison = await open(variedComparison(HOSTILE), { viewport: { width, height: 900 }, colorScheme });
    expect(
      await comparison.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth),
    ).toBe(0);
    expect(await faintTexts(comparison.page)).toEqual([]);
    expect(await cutTables(comparison.page)).toEqual([]);
    expect(await comparison.page.evaluate('window.pwned')).toBeUndefined();
    // Its plot keeps the size of its texts, and the numbers of its axis apart.
    const numbers = await comparison.page.locator('.forest text:not(.beyond)').evaluateAll((all) =>
      all
        .map((text) => ({ box: text.getBoundingClientRect(), px: Number.parseFloat(getComputedStyle(text).fontSize) }))
        .filter(({ box }) => box.width > 0)
        .map(({ box: { left, right, height }, px }) => ({ left, right, height, px })),
    );
    expect(numbers.length).toBeGreaterThan(2);
    for (const [index, { left, height, px }] of numbers.entries()) {
      expect(px).toBeGreaterThan(12);
      expect(height).toBeGreaterThan(11);
      expect(left).toBeGreaterThan(numbers[index - 1]?.right ?? 0);
    }
    expect(comparison.complaints).toEqual([]);
    expect(comparison.requests).toEqual([comparison.url]);
    await comparison.page.close();
    await page.close();
  });

  it('draws each limit with its value, none over another, and names it and what is shaded in the legend', async () => {
    const near = { ...MINUTE.report.thresholds[0]!, limit: 20.2, expression: 'p(95)<20.2', state: 'fail' as const };
    const report = { ...MINUTE.report, thresholds: [near, ...MINUTE.report.thresholds] };
    for (const width of [390, 1280]) {
      const { page } = await open({ ...MINUTE, report }, { viewport: { width, height: 900 } });
      const legend = page.locator('#plot-latency .legend');
      for (const name of ['✗ p(95)<20.2', '✓ p(95)<20', 'window that missed its threshold']) {
        await expect.poll(() => legend.textContent()).toContain(name);
      }
      const labels = (await textsOf(page, 'latency')).filter(({ text }) => /^(↑ )?[✓✗]/.test(text));
      expect(labels.map(({ text }) => text).sort()).toEqual(['✓ 20 ms', '✗ 12 ms', '✗ 20.2 ms']);
      for (const [index, one] of labels.entries()) {
        for (const other of labels.slice(index + 1)) {
          const isApart = one.right < other.left || other.right < one.left || Math.abs(one.y - other.y) >= 12;
          expect(isApart).toBe(true);
        }
      }
      await page.close();
    }
  });

  it('lets no warm-up squeeze what is counted, and makes no zeros of nothing', async () => {
    const slow = sample({ phase: 'warmup', endUs: 900_000 });
    const counted = Array.from({ length: 5 }, (_, second) =>
      sample({
        seq: second + 1,
        intendedUs: 2e6 + second * 1e6,
        startUs: 2e6 + second * 1e6,
        endUs: 2.01e6 + second * 1e6,
      }),
    );
    const results = resultsOn([slow, ...counted]);
    const run = { ...results.report.run, warmup_s: 2, duration_s: 5 };
    const warmed = await open({ ...results, report: { ...results.report, run } });
    const numbers = (await textsOf(warmed.page, 'latency')).flatMap(({ text }) => /^(\d+) ms$/.exec(text)?.[1] ?? []);
    expect(Math.max(...numbers.map(Number))).toBe(10);
    await warmed.page.close();

    const nothing = await open(resultsOn([failed, failed]));
    const texts = (await textsOf(nothing.page, 'latency')).map(({ text }) => text);
    expect(texts).toContain('Nothing was measured');
    expect(texts.filter((text) => text.endsWith('ms'))).toEqual([]);
    await nothing.page.close();
  });

  it('prints in light colours whatever the screen has', async () => {
    const { page, complaints } = await open(MINUTE, { colorScheme: 'dark' });
    const pdf = await page.pdf();
    expect(pdf.subarray(0, 5).toString()).toBe('%PDF-');
    await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
    expect(
      await page.evaluate(() => getComputedStyle(document.documentElement).getPropertyValue('--text').trim()),
    ).toBe('#1b1f24');
    expect(await page.locator('.toolbar').isVisible()).toBe(false);
    expect(complaints).toEqual([]);
    await page.close();
  });

  it('opens two hours of ten million requests', async () => {
    const { page, complaints } = await open(TWO_HOURS);
    await expect.poll(() => inks(page)).toHaveLength(8);
    const openMs = await page.evaluate(
      () => (performance.getEntriesByType('navigation')[0] as PerformanceNavigationTiming).loadEventEnd,
    );
    process.stdout.write(`two hours: loaded in ${Math.round(openMs)} ms\n`);
    expect(await page.locator('#plot-latency tbody tr').count()).toBe(1_800);
    expect(complaints).toEqual([]);
    await page.close();
  });

  it.each([
    ['no success', resultsOn([failed, failed])],
    ['one request', resultsOn([sample()])],
    ['no request', resultsOn([])],
    [
      'single points between gaps',
      resultsOn([sample(), sample({ seq: 1, startUs: 5e6 }), sample({ seq: 2, startUs: 9e6 })]),
    ],
  ])('shows a run of %s without a complaint', async (_name, results) => {
    const { page, complaints } = await open(results);
    expect(await page.getByRole('heading', { level: 2 }).count()).toBeGreaterThan(3);
    expect(complaints).toEqual([]);
    await page.close();
  });

  it('runs nothing that a server or a file name says', async () => {
    const results = resultsOn([sample(), sample({ endpoint: 1 })], ['predict', HOSTILE]);
    const report = {
      ...results.report,
      failures: [{ outcome: 'http_5xx', origin: 'target', count: 1, example: HOSTILE }] as const,
      run: { ...results.report.run, url: HOSTILE, directory: HOSTILE },
      thresholds: MINUTE.report.thresholds.map((one) => ({ ...one, expression: HOSTILE, message: HOSTILE })),
    };
    const { page, complaints } = await open({ ...results, report });
    await expect.poll(() => inks(page)).not.toHaveLength(0);
    expect(await page.evaluate('window.pwned')).toBeUndefined();
    expect(await page.locator('img').count()).toBe(0);
    expect(await page.getByText(HOSTILE).count()).toBeGreaterThan(2);
    expect(complaints).toEqual([]);
    await page.close();
  });
});

/** Text that was put on a canvas, in its pixels. */
interface DrawnText {
  readonly text: string;
  readonly left: number;
  readonly right: number;
  readonly y: number;
}

/** Runs in the page before its own script: notes what is written on each canvas since it was last cleared. */
function noteTexts(): void {
  const { fillText, clearRect } = CanvasRenderingContext2D.prototype;
  const noted = new WeakMap<HTMLCanvasElement, DrawnText[]>();
  CanvasRenderingContext2D.prototype.fillText = function (text: string, x: number, y: number) {
    const { a, e, f } = this.getTransform();
    const left = e + a * x;
    const texts = noted.get(this.canvas) ?? [];
    noted.set(this.canvas, [...texts, { text, left, right: left + this.measureText(text).width, y: f + y }]);
    fillText.call(this, text, x, y);
  };
  CanvasRenderingContext2D.prototype.clearRect = function (...rect) {
    noted.set(this.canvas, []);
    clearRect.apply(this, rect);
  };
  Object.assign(window, { textsOn: (canvas: HTMLCanvasElement) => noted.get(canvas) ?? [] });
}

async function textsOf(page: Page, id: string): Promise<DrawnText[]> {
  const canvas = page.locator(`#plot-${id} canvas`);
  const read = () =>
    canvas.evaluate((node) => (window as unknown as { textsOn: (canvas: Element) => DrawnText[] }).textsOn(node));
  await expect.poll(async () => (await read()).length).toBeGreaterThan(0);
  return read();
}

/** Colours of lines whose contrast with the card behind them is less than WCAG's 3 for graphics. */
function faintInks(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const style = getComputedStyle(document.documentElement);
    const luminance = (name: string) => {
      const hex = style.getPropertyValue(`--${name}`).trim();
      const [r, g, b] = [1, 3, 5].map((at) => {
        const share = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
        return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
      }) as [number, number, number];
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const card = luminance('card');
    return ['blue', 'green', 'orange', 'magenta', 'purple', 'gray', 'red', 'muted', 'focus'].filter((name) => {
      const ink = luminance(name);
      return !((Math.max(ink, card) + 0.05) / (Math.min(ink, card) + 0.05) >= 3);
    });
  });
}

/** Tables of words that have to be pushed aside to be read. */
function cutTables(page: Page): Promise<string[]> {
  return page
    .locator('.scroll:has(.stack)')
    .evaluateAll((all) =>
      all.filter((one) => one.scrollWidth > one.clientWidth).map((one) => one.getAttribute('aria-label') ?? ''),
    );
}

/** How many pixels of each plot have ink. */
function inks(page: Page): Promise<number[]> {
  return page.locator('.drawing canvas').evaluateAll((all) =>
    (all as HTMLCanvasElement[]).map((canvas) => {
      const { width, height } = canvas;
      // Chromium remarks on the console when a canvas of the page itself is read often.
      const copy = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true })!;
      copy.drawImage(canvas, 0, 0);
      const { data } = copy.getImageData(0, 0, width, height);
      return data.filter((value, index) => index % 4 === 3 && value > 0).length;
    }),
  );
}

function pixels(page: Page, id: string): Promise<string> {
  return page.locator(`#plot-${id} canvas`).evaluate((canvas) => (canvas as HTMLCanvasElement).toDataURL());
}

/** The lowest strip of each plot, which holds the numbers of its time axis. */
function drawnX(page: Page, ids: readonly string[]): Promise<string[]> {
  return Promise.all(
    ids.map((id) =>
      page.locator(`#plot-${id} canvas`).evaluate((node) => {
        const canvas = node as HTMLCanvasElement;
        const strip = document.createElement('canvas');
        strip.width = canvas.width;
        strip.height = 22 * devicePixelRatio;
        // Below the lowest number of the other axis.
        strip.getContext('2d')!.drawImage(canvas, 0, strip.height - canvas.height);
        return strip.toDataURL();
      }),
    ),
  );
}

/** Texts whose contrast with what is behind them is less than WCAG's 4.5. */
function faintTexts(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const channels = (color: string) => (color.match(/[\d.]+/g) ?? []).map(Number);
    const luminance = (color: string) => {
      const [r, g, b] = channels(color).map((value) => {
        const share = value / 255;
        return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
      }) as [number, number, number];
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = (element: Element): string => {
      for (let at: Element | null = element; at; at = at.parentElement) {
        const { backgroundColor } = getComputedStyle(at);
        if (channels(backgroundColor)[3] !== 0) {
          return backgroundColor;
        }
      }
      return 'rgb(255, 255, 255)';
    };
    const faint = new Set<string>();
    for (const element of document.querySelectorAll('body *:not(script):not(style):not(button:disabled)')) {
      const hasText = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent!.trim() !== '');
      if (hasText && element.getClientRects().length > 0) {
        const [one, other] = [luminance(getComputedStyle(element).color), luminance(behind(element))];
        const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
        if (contrast < 4.5) {
          faint.add(`${element.tagName}.${element.className}: ${contrast.toFixed(2)}`);
        }
      }
    }
    return [...faint];
  });
}
