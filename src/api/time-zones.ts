import type { Instant } from '../base/env.ts';

// Where the hands of the clock stand, as the IANA database has it: data without any code of the machine's own, so that
// a schedule means the same everywhere and in the simulator.

/**
 * By the rule of a zone, its names. A rule is minutes east of Greenwich, or those of standard time and of summer time
 * with the days on which summer time begins and ends: month, week of the month, weekday, and the hour if it is not two.
 */
const byRule: Readonly<Record<string, string>> = {
  '-720': 'Etc/GMT+12',
  '-660': 'Etc/GMT+11 Pacific/Midway Pacific/Niue Pacific/Pago_Pago Pacific/Samoa US/Samoa',
  '-600': 'Etc/GMT+10 HST Pacific/Honolulu Pacific/Johnston Pacific/Rarotonga Pacific/Tahiti US/Hawaii',
  '-600 -540 M3.2.0 M11.1.0': 'America/Adak America/Atka US/Aleutian',
  '-570': 'Pacific/Marquesas',
  '-540': 'Etc/GMT+9 Pacific/Gambier',
  '-540 -480 M3.2.0 M11.1.0': `
    America/Anchorage America/Juneau America/Metlakatla America/Nome America/Sitka America/Yakutat US/Alaska
  `,
  '-480': 'Etc/GMT+8 Pacific/Pitcairn',
  '-480 -420 M3.2.0 M11.1.0': `
    America/Ensenada America/Los_Angeles America/Santa_Isabel America/Tijuana Mexico/BajaNorte PST8PDT US/Pacific
  `,
  '-420': `
    America/Creston America/Dawson America/Dawson_Creek America/Fort_Nelson America/Hermosillo America/Mazatlan
    America/Phoenix America/Vancouver America/Whitehorse Canada/Pacific Canada/Yukon Etc/GMT+7 MST Mexico/BajaSur
    US/Arizona
  `,
  '-420 -360 M3.2.0 M11.1.0': `
    America/Boise America/Cambridge_Bay America/Ciudad_Juarez America/Denver America/Inuvik America/Shiprock MST7MDT
    Navajo US/Mountain
  `,
  '-360': `
    America/Bahia_Banderas America/Belize America/Chihuahua America/Costa_Rica America/Edmonton America/El_Salvador
    America/Guatemala America/Managua America/Merida America/Mexico_City America/Monterrey America/Regina
    America/Swift_Current America/Tegucigalpa America/Yellowknife Canada/Mountain Canada/Saskatchewan Etc/GMT+6
    Mexico/General Pacific/Galapagos
  `,
  '-360 -300 M3.2.0 M11.1.0': `
    America/Chicago America/Indiana/Knox America/Indiana/Tell_City America/Knox_IN America/Matamoros
    America/Menominee America/North_Dakota/Beulah America/North_Dakota/Center America/North_Dakota/New_Salem
    America/Ojinaga America/Rainy_River America/Rankin_Inlet America/Resolute America/Winnipeg CST6CDT
    Canada/Central US/Central US/Indiana-Starke
  `,
  '-360 -300 M9.1.6/22 M4.1.6/22': 'Chile/EasterIsland Pacific/Easter',
  '-300': `
    America/Atikokan America/Bogota America/Cancun America/Cayman America/Coral_Harbour America/Eirunepe
    America/Guayaquil America/Jamaica America/Lima America/Panama America/Porto_Acre America/Rio_Branco Brazil/Acre
    EST Etc/GMT+5 Jamaica
  `,
  '-300 -240 M3.2.0 M11.1.0': `
    America/Detroit America/Fort_Wayne America/Grand_Turk America/Indiana/Indianapolis America/Indiana/Marengo
    America/Indiana/Petersburg America/Indiana/Vevay America/Indiana/Vincennes America/Indiana/Winamac
    America/Indianapolis America/Iqaluit America/Kentucky/Louisville America/Kentucky/Monticello America/Louisville
    America/Montreal America/Nassau America/New_York America/Nipigon America/Pangnirtung America/Port-au-Prince
    America/Thunder_Bay America/Toronto Canada/Eastern EST5EDT US/East-Indiana US/Eastern US/Michigan
  `,
  '-300 -240 M3.2.0/0 M11.1.0/1': 'America/Havana Cuba',
  '-240': `
    America/Anguilla America/Antigua America/Aruba America/Barbados America/Blanc-Sablon America/Boa_Vista
    America/Campo_Grande America/Caracas America/Cuiaba America/Curacao America/Dominica America/Grenada
    America/Guadeloupe America/Guyana America/Kralendijk America/La_Paz America/Lower_Princes America/Manaus
    America/Marigot America/Martinique America/Montserrat America/Port_of_Spain America/Porto_Velho
    America/Puerto_Rico America/Santo_Domingo America/St_Barthelemy America/St_Kitts America/St_Lucia
    America/St_Thomas America/St_Vincent America/Tortola America/Virgin Brazil/West Etc/GMT+4
  `,
  '-240 -180 M3.2.0 M11.1.0': `
    America/Glace_Bay America/Goose_Bay America/Halifax America/Moncton America/Thule Atlantic/Bermuda
    Canada/Atlantic
  `,
  '-240 -180 M9.1.6/24 M4.1.6/24': 'America/Santiago Chile/Continental',
  '-210 -150 M3.2.0 M11.1.0': 'America/St_Johns Canada/Newfoundland',
  '-180': `
    America/Araguaina America/Argentina/Buenos_Aires America/Argentina/Catamarca America/Argentina/ComodRivadavia
    America/Argentina/Cordoba America/Argentina/Jujuy America/Argentina/La_Rioja America/Argentina/Mendoza
    America/Argentina/Rio_Gallegos America/Argentina/Salta America/Argentina/San_Juan America/Argentina/San_Luis
    America/Argentina/Tucuman America/Argentina/Ushuaia America/Asuncion America/Bahia America/Belem
    America/Buenos_Aires America/Catamarca America/Cayenne America/Cordoba America/Coyhaique America/Fortaleza
    America/Jujuy America/Maceio America/Mendoza America/Montevideo America/Paramaribo America/Punta_Arenas
    America/Recife America/Rosario America/Santarem America/Sao_Paulo Antarctica/Palmer Antarctica/Rothera
    Atlantic/Stanley Brazil/East Etc/GMT+3
  `,
  '-180 -120 M3.2.0 M11.1.0': 'America/Miquelon',
  '-120': 'America/Noronha Atlantic/South_Georgia Brazil/DeNoronha Etc/GMT+2',
  '-120 -60 M3.5.0/-1 M10.5.0/0': 'America/Godthab America/Nuuk America/Scoresbysund',
  '-60': 'Atlantic/Cape_Verde Etc/GMT+1',
  '-60 0 M3.5.0/0 M10.5.0/1': 'Atlantic/Azores',
  '0': `
    Africa/Abidjan Africa/Accra Africa/Bamako Africa/Banjul Africa/Bissau Africa/Casablanca Africa/Conakry
    Africa/Dakar Africa/El_Aaiun Africa/Freetown Africa/Lome Africa/Monrovia Africa/Nouakchott Africa/Ouagadougou
    Africa/Sao_Tome Africa/Timbuktu America/Danmarkshavn Atlantic/Reykjavik Atlantic/St_Helena Etc/GMT Etc/GMT+0
    Etc/GMT-0 Etc/GMT0 Etc/Greenwich Etc/UCT Etc/UTC Etc/Universal Etc/Zulu Factory GMT GMT+0 GMT-0 GMT0 Greenwich
    Iceland UCT UTC Universal Zulu
  `,
  '0 120 M3.5.0/1 M10.5.0/3': 'Antarctica/Troll',
  '0 60 M3.5.0/1 M10.5.0': `
    Atlantic/Canary Atlantic/Faeroe Atlantic/Faroe Atlantic/Madeira Europe/Belfast Europe/Guernsey
    Europe/Isle_of_Man Europe/Jersey Europe/Lisbon Europe/London GB GB-Eire Portugal WET
  `,
  '60': `
    Africa/Algiers Africa/Bangui Africa/Brazzaville Africa/Douala Africa/Kinshasa Africa/Lagos Africa/Libreville
    Africa/Luanda Africa/Malabo Africa/Ndjamena Africa/Niamey Africa/Porto-Novo Africa/Tunis Etc/GMT-1
  `,
  '60 0 M10.5.0 M3.5.0/1': 'Eire Europe/Dublin',
  '60 120 M3.5.0 M10.5.0/3': `
    Africa/Ceuta Arctic/Longyearbyen Atlantic/Jan_Mayen CET Europe/Amsterdam Europe/Andorra Europe/Belgrade
    Europe/Berlin Europe/Bratislava Europe/Brussels Europe/Budapest Europe/Busingen Europe/Copenhagen
    Europe/Gibraltar Europe/Ljubljana Europe/Luxembourg Europe/Madrid Europe/Malta Europe/Monaco Europe/Oslo
    Europe/Paris Europe/Podgorica Europe/Prague Europe/Rome Europe/San_Marino Europe/Sarajevo Europe/Skopje
    Europe/Stockholm Europe/Tirane Europe/Vaduz Europe/Vatican Europe/Vienna Europe/Warsaw Europe/Zagreb
    Europe/Zurich MET Poland
  `,
  '120': `
    Africa/Blantyre Africa/Bujumbura Africa/Gaborone Africa/Harare Africa/Johannesburg Africa/Juba Africa/Khartoum
    Africa/Kigali Africa/Lubumbashi Africa/Lusaka Africa/Maputo Africa/Maseru Africa/Mbabane Africa/Tripoli
    Africa/Windhoek Etc/GMT-2 Europe/Kaliningrad Libya
  `,
  '120 180 M3.4.4/26 M10.5.0': 'Asia/Jerusalem Asia/Tel_Aviv Israel',
  '120 180 M3.5.0 M10.5.0/3': 'Europe/Chisinau Europe/Tiraspol',
  '120 180 M3.5.0/0 M10.5.0/0': 'Asia/Beirut',
  '120 180 M3.5.0/3 M10.5.0/4': `
    Asia/Famagusta Asia/Nicosia EET Europe/Athens Europe/Bucharest Europe/Helsinki Europe/Kiev Europe/Kyiv
    Europe/Mariehamn Europe/Nicosia Europe/Riga Europe/Sofia Europe/Tallinn Europe/Uzhgorod Europe/Vilnius
    Europe/Zaporozhye
  `,
  '120 180 M4.5.5/0 M10.5.4/24': 'Africa/Cairo Egypt',
  '180': `
    Africa/Addis_Ababa Africa/Asmara Africa/Asmera Africa/Dar_es_Salaam Africa/Djibouti Africa/Kampala
    Africa/Mogadishu Africa/Nairobi Antarctica/Syowa Asia/Aden Asia/Amman Asia/Baghdad Asia/Bahrain Asia/Damascus
    Asia/Istanbul Asia/Kuwait Asia/Qatar Asia/Riyadh Etc/GMT-3 Europe/Istanbul Europe/Kirov Europe/Minsk
    Europe/Moscow Europe/Simferopol Europe/Volgograd Indian/Antananarivo Indian/Comoro Indian/Mayotte Turkey W-SU
  `,
  '210': 'Asia/Tehran Iran',
  '240': `
    Asia/Baku Asia/Dubai Asia/Muscat Asia/Tbilisi Asia/Yerevan Etc/GMT-4 Europe/Astrakhan Europe/Samara
    Europe/Saratov Europe/Ulyanovsk Indian/Mahe Indian/Mauritius Indian/Reunion
  `,
  '270': 'Asia/Kabul',
  '300': `
    Antarctica/Mawson Antarctica/Vostok Asia/Almaty Asia/Aqtau Asia/Aqtobe Asia/Ashgabat Asia/Ashkhabad Asia/Atyrau
    Asia/Dushanbe Asia/Karachi Asia/Oral Asia/Qostanay Asia/Qyzylorda Asia/Samarkand Asia/Tashkent
    Asia/Yekaterinburg Etc/GMT-5 Indian/Kerguelen Indian/Maldives
  `,
  '330': 'Asia/Calcutta Asia/Colombo Asia/Kolkata',
  '345': 'Asia/Kathmandu Asia/Katmandu',
  '360': `
    Asia/Bishkek Asia/Dacca Asia/Dhaka Asia/Kashgar Asia/Omsk Asia/Thimbu Asia/Thimphu Asia/Urumqi Etc/GMT-6
    Indian/Chagos
  `,
  '390': 'Asia/Rangoon Asia/Yangon Indian/Cocos',
  '420': `
    Antarctica/Davis Asia/Bangkok Asia/Barnaul Asia/Ho_Chi_Minh Asia/Hovd Asia/Jakarta Asia/Krasnoyarsk
    Asia/Novokuznetsk Asia/Novosibirsk Asia/Phnom_Penh Asia/Pontianak Asia/Saigon Asia/Tomsk Asia/Vientiane
    Etc/GMT-7 Indian/Christmas
  `,
  '480': `
    Antarctica/Casey Asia/Brunei Asia/Choibalsan Asia/Chongqing Asia/Chungking Asia/Harbin Asia/Hong_Kong
    Asia/Irkutsk Asia/Kuala_Lumpur Asia/Kuching Asia/Macao Asia/Macau Asia/Makassar Asia/Manila Asia/Shanghai
    Asia/Singapore Asia/Taipei Asia/Ujung_Pandang Asia/Ulaanbaatar Asia/Ulan_Bator Australia/Perth Australia/West
    Etc/GMT-8 Hongkong PRC ROC Singapore
  `,
  '525': 'Australia/Eucla',
  '540': `
    Asia/Chita Asia/Dili Asia/Jayapura Asia/Khandyga Asia/Pyongyang Asia/Seoul Asia/Tokyo Asia/Yakutsk Etc/GMT-9
    Japan Pacific/Palau ROK
  `,
  '570': 'Australia/Darwin Australia/North',
  '570 630 M10.1.0 M4.1.0/3': 'Australia/Adelaide Australia/Broken_Hill Australia/South Australia/Yancowinna',
  '600': `
    Antarctica/DumontDUrville Asia/Ust-Nera Asia/Vladivostok Australia/Brisbane Australia/Lindeman
    Australia/Queensland Etc/GMT-10 Pacific/Chuuk Pacific/Guam Pacific/Port_Moresby Pacific/Saipan Pacific/Truk
    Pacific/Yap
  `,
  '600 660 M10.1.0 M4.1.0/3': `
    Antarctica/Macquarie Australia/ACT Australia/Canberra Australia/Currie Australia/Hobart Australia/Melbourne
    Australia/NSW Australia/Sydney Australia/Tasmania Australia/Victoria
  `,
  '630 660 M10.1.0 M4.1.0': 'Australia/LHI Australia/Lord_Howe',
  '660': `
    Asia/Magadan Asia/Sakhalin Asia/Srednekolymsk Etc/GMT-11 Pacific/Bougainville Pacific/Efate Pacific/Guadalcanal
    Pacific/Kosrae Pacific/Noumea Pacific/Pohnpei Pacific/Ponape
  `,
  '660 720 M10.1.0 M4.1.0/3': 'Pacific/Norfolk',
  '720': `
    Asia/Anadyr Asia/Kamchatka Etc/GMT-12 Kwajalein Pacific/Fiji Pacific/Funafuti Pacific/Kwajalein Pacific/Majuro
    Pacific/Nauru Pacific/Tarawa Pacific/Wake Pacific/Wallis
  `,
  '720 780 M9.5.0 M4.1.0/3': 'Antarctica/McMurdo Antarctica/South_Pole NZ Pacific/Auckland',
  '765 825 M9.5.0/2:45 M4.1.0/3:45': 'NZ-CHAT Pacific/Chatham',
  '780': 'Etc/GMT-13 Pacific/Apia Pacific/Enderbury Pacific/Fakaofo Pacific/Kanton Pacific/Tongatapu',
  '840': 'Etc/GMT-14 Pacific/Kiritimati',
  '120 180 M3.4.4/50 M10.4.4/50': 'Asia/Gaza Asia/Hebron',
};

/**
 * Where clocks follow the moon, or a decree took them to another rule of late: minutes since 1970, and minutes east of
 * Greenwich from then on.
 */
const byDecree: Readonly<Record<string, string>> = {
  'Africa/Casablanca Africa/El_Aaiun': '29004600:0 29065080:60 29518680:0 29569080:60 29831100:0',
  'America/Vancouver Canada/Pacific': '29367900:-480 29549400:-420',
  'America/Edmonton America/Yellowknife Canada/Mountain': '29367840:-420 29549340:-360',
  'Asia/Gaza Asia/Hebron': `
    29073600:180 29355780:120 29577600:180 29879940:120 30101760:180 30414180:120 30625920:180 30938340:120
    31150080:180 31462500:120 31684320:180 31986660:120 32208480:180 32510820:120 32732640:180 33045060:120
    33256800:180 33569220:120 33780960:180 34093380:120 34305120:180 34617540:120 34839360:180 35131620:120
    35363520:180 35645700:120 35887680:180 36149700:120 36411840:180 36663780:120 36936000:180 37167780:120
    37238400:180 37248420:120
  `,
};

interface Zone {
  readonly standard: number;
  readonly summer?: { readonly offset: number; readonly begins: Day; readonly ends: Day };
  readonly decrees: readonly (readonly [atMinute: number, offset: number])[];
}
interface Day {
  readonly month: number;
  readonly week: number;
  readonly weekday: number;
  readonly minute: number;
}

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;
const lastWeek = 5;
let rules: ReadonlyMap<string, string> | undefined;
let decrees: ReadonlyMap<string, string> | undefined;
const zones = new Map<string, Zone>();

/** Whether there is a time zone of this name. */
export function isTimeZone(name: string): boolean {
  rules ??= readRules();
  return rules.has(name);
}

/** How many milliseconds the clocks of a zone are ahead of UTC at a time. No name means UTC. */
export function offsetAt(name: string, at: Instant): number {
  if (name === '') return 0;
  const { standard, summer, decrees: dates } = zoneOf(name);
  const [first] = dates;
  const last = dates.at(-1);
  if (first && last && at >= first[0] * minuteMs && at < last[0] * minuteMs) {
    return (dates.findLast(([minute]) => minute * minuteMs <= at)?.[1] ?? standard) * minuteMs;
  }
  if (!summer) return standard * minuteMs;
  const year = new Date(at + standard * minuteMs).getUTCFullYear();
  const begins = instantOf(summer.begins, year) - standard * minuteMs;
  const ends = instantOf(summer.ends, year) - summer.offset * minuteMs;
  const isSummer = begins < ends ? at >= begins && at < ends : at >= begins || at < ends;
  return (isSummer ? summer.offset : standard) * minuteMs;
}

function zoneOf(name: string): Zone {
  const known = zones.get(name);
  if (known) return known;
  rules ??= readRules();
  decrees ??= readDecrees();
  const rule = rules.get(name);
  if (rule === undefined) throw new Error(`there is no time zone ${name}`);
  const [standard, offset, begins, ends] = rule.split(' ');
  const zone: Zone = {
    standard: Number(standard),
    ...(begins && ends ? { summer: { offset: Number(offset), begins: dayOf(begins), ends: dayOf(ends) } } : {}),
    decrees: words(decrees.get(name) ?? '').map((word) => word.split(':').map(Number) as [number, number]),
  };
  zones.set(name, zone);
  return zone;
}

/** `M3.5.0/3`: the last Sunday of March, at three. */
function dayOf(text: string): Day {
  const [date = '', time = '2'] = text.slice(1).split('/');
  const [month = 0, week = 0, weekday = 0] = date.split('.').map(Number);
  const [hours = 0, minutes = 0] = time.replace(/^[+-]/, '').split(':').map(Number);
  return { month, week, weekday, minute: (hours * 60 + minutes) * (time.startsWith('-') ? -1 : 1) };
}

/** As the clocks show it, read as if they showed UTC. */
function instantOf({ month, week, weekday, minute }: Day, year: number): number {
  const first = Date.UTC(year, month - 1, 1);
  const days = (weekday - new Date(first).getUTCDay() + 7) % 7;
  let at = first + (days + 7 * (week - 1)) * dayMs;
  if (week === lastWeek && new Date(at).getUTCMonth() !== month - 1) at -= 7 * dayMs;
  return at + minute * minuteMs;
}

const words = (text: string): readonly string[] => text.split(/\s+/).filter((word) => word !== '');

const namesIn = (text: string, value: string): readonly (readonly [string, string])[] =>
  words(text).map((name) => [name, value] as const);
const readRules = (): ReadonlyMap<string, string> =>
  new Map(Object.entries(byRule).flatMap(([rule, names]) => namesIn(names, rule)));
const readDecrees = (): ReadonlyMap<string, string> =>
  new Map(Object.entries(byDecree).flatMap(([names, dates]) => namesIn(names, dates)));
