// Looks at a page of `gcrucible report` as readers do: at three widths, light, dark and printed, by
// keyboard, and with axe-core's rules (contrast, names, structure). Takes a picture of each.
//
//     node look.mjs PAGE.html FOLDER
//
// The browser is `CHROMIUM`, or `chromium-headless-shell` on the path. Prints what is wrong, and
// ends with status 1 if anything is.

import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import puppeteer from 'puppeteer-core';

const WIDTHS = [360, 800, 1400];
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const [page_path, folder] = process.argv.slice(2);
if (folder === undefined) {
    console.error('usage: node look.mjs PAGE.html FOLDER');
    process.exit(2);
}
const wrong = [];

/// Everything that the browser complains about or asks of the network is a fault.
function listen(page) {
    page.on('console', (message) => wrong.push(`console: ${message.text()}`));
    page.on('pageerror', (error) => wrong.push(`error: ${error.message}`));
    page.on('request', (request) => {
        if (!request.url().startsWith('file:')) wrong.push(`request: ${request.url()}`);
    });
}

/// Contrast, names and structure.
async function check_rules(page, where) {
    await page.evaluate(AXE);
    const { violations, passes } = await page.evaluate(() => globalThis.axe.run());
    if (passes.length === 0) wrong.push(`${where}: axe-core checked nothing`);
    for (const { id, help, nodes } of violations) {
        wrong.push(`${where}: ${id}: ${help}: ${nodes[0].target.join(' ')} (${nodes.length}x)`);
    }
}

/// No part of the page is wider than the window, except what can be scrolled by itself.
async function check_width(page, where) {
    const [content, room] = await page.evaluate(() => [
        document.documentElement.scrollWidth,
        document.documentElement.clientWidth,
    ]);
    if (content > room) wrong.push(`${where}: the page is ${content} wide, and has ${room}`);
}

/// The tabulator reaches everything that can be used, shows where it is, and never gets stuck.
async function check_keyboard(page) {
    const usable = await page.evaluate(() => {
        const all = document.querySelectorAll('a[href], summary, button, input, [tabindex="0"]');
        return [...all].filter((element) => element.checkVisibility()).length;
    });
    const reached = new Set();
    for (let press = 0; press < usable; press += 1) {
        await page.keyboard.press('Tab');
        const { place, shown, name } = await page.evaluate(() => {
            const element = document.activeElement;
            const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(element);
            const outlined = outlineStyle !== 'none' && outlineWidth !== '0px';
            return {
                place: [...document.querySelectorAll('*')].indexOf(element),
                shown: outlined || boxShadow !== 'none',
                name: `${element.tagName} ${element.textContent.trim().slice(0, 40)}`,
            };
        });
        if (!shown) wrong.push(`keyboard: nothing shows that ${name} has the focus`);
        reached.add(place);
    }
    if (reached.size < usable) wrong.push(`keyboard: ${reached.size} of ${usable} reached`);
    return usable;
}

/// Enter opens what is closed.
async function check_details(page) {
    const summary = await page.$('details:not([open]) > summary');
    if (summary === null) return;
    await summary.focus();
    await page.keyboard.press('Enter');
    const is_open = await summary.evaluate((element) => element.parentElement.open);
    if (!is_open) wrong.push('keyboard: Enter does not open a summary');
}

mkdirSync(folder, { recursive: true });
const executablePath = process.env.CHROMIUM
    ?? execFileSync('which', ['chromium-headless-shell'], { encoding: 'utf8' }).trim();
const browser = await puppeteer.launch({ executablePath, args: ['--no-sandbox'] });
let usable = 0;
try {
    const page = await browser.newPage();
    listen(page);
    for (const scheme of ['light', 'dark']) {
        await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
        for (const width of WIDTHS) {
            const where = `${scheme}-${width}`;
            await page.setViewport({ width, height: 900 });
            await page.goto(pathToFileURL(resolve(page_path)).href);
            await check_width(page, where);
            await check_rules(page, where);
            await page.screenshot({ path: `${folder}/${where}.png`, fullPage: true });
        }
    }
    await page.reload();
    usable = await check_keyboard(page);
    await check_details(page);
    await page.emulateMediaType('print');
    await page.pdf({ path: `${folder}/print.pdf`, format: 'A4' });
} finally {
    await browser.close();
}
for (const fault of wrong) console.error(fault);
console.log(`${WIDTHS.length} widths, light and dark, ${usable} places by keyboard: ${wrong.length} faults`);
process.exit(wrong.length > 0 ? 1 : 0);
