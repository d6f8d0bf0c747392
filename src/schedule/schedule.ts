import type { OpenSchedule } from './arrivals.js';
import type { ClosedSchedule } from './users.js';

/** A run as events, made before it begins. */
export type Schedule = ClosedSchedule | OpenSchedule;
