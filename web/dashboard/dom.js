/* Making elements, and keeping lists of them: what has not changed is left alone, so focus and selection stay where they are. */

/* h("button", {class: "x", onclick: f, "aria-label": "y"}, "text", child, [more]) */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value") element.value = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export function replace(container, ...children) {
  container.replaceChildren(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
}

/* Text of an element, written only where it differs: a screen reader is not told twice. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/*
 * Shows `items` in `container`, one element each, in their order. `key` tells them apart; `make` is called for new ones and
 * for those whose facts have changed. An element that holds the focus gives it to the same control of its successor.
 */
export function list(container, items, key, make) {
  const old = new Map([...container.children].map((child) => [child.dataset.key, child]));
  let place = container.firstElementChild;
  for (const item of items) {
    const id = String(key(item));
    const facts = JSON.stringify(item);
    let element = old.get(id);
    old.delete(id);
    if (!element || element.facts !== facts) {
      const fresh = make(item);
      fresh.dataset.key = id;
      fresh.facts = facts;
      if (element) {
        if (place === element) place = fresh;
        succeed(element, fresh);
      }
      element = fresh;
    }
    if (element === place) place = place.nextElementSibling;
    else container.insertBefore(element, place);
  }
  for (const element of old.values()) element.remove();
}

function succeed(element, fresh) {
  const name = element.contains(document.activeElement) && document.activeElement.dataset.control;
  element.replaceWith(fresh);
  if (name) fresh.querySelector(`[data-control="${CSS.escape(name)}"]`)?.focus();
}
