"""What a visitor of the web page reads, from top to bottom; another language is another module of these names.

Fields in braces are filled by ``str.format``: a translation may put them elsewhere, but keeps their names. Words in
dicts are handed to the components in the browser, which fill their fields themselves.
"""

from typing import Any

# ---- the page --------------------------------------------------------------------------------------------------------

PAGE_TITLE = "silentkeys"
PAGE_INTRODUCTION = (
    "Watch a pianist's keyboard on **silent** video, filmed from above; get back MIDI, a score and sound."
)
RESULTS_REMOVED = "Your results were removed after an hour without use; press “Transcribe” to make them again."
TRANSCRIBE = "Transcribe"
CANCELLED = "Cancelled."
UNFORESEEN = "Something went wrong that nobody foresaw: {kind}: {error}"

# ---- a video ---------------------------------------------------------------------------------------------------------

EXAMPLE = "Try the example"
EXAMPLE_HELP = "Twenty seconds of Für Elise: read at once, and all results shown."
EXAMPLE_TITLE = "Für Elise"
NO_TITLE = "video"  # what a video without a name is called

UPLOAD_TAB, ADDRESS_TAB, COMPUTER_TAB = "Upload", "Web address", "This computer"  # short: phones are narrow
UPLOAD = "Video"
ADDRESS = "Address of a video"
ADDRESS_PLACEHOLDER = "https://www.youtube.com/watch?v=…"
ADDRESS_HINT = "One video of {sites}; or a video file anywhere on the web: https://…/waltz.mp4"
PATH = "Path of the video"
PATH_PLACEHOLDER = "/home/me/waltz.mp4"

# ---- the part of the video -------------------------------------------------------------------------------------------

SPAN = "Part of the video"
SPAN_HINT = "Drag the handles to read only a part of it; double click for all of it."
TIMELINE: dict[str, Any] = {
    "timeline": "Which part of the video is read",
    "begin": "Begin",
    "end": "End",
    "beginHandle": "Where the part begins",
    "endHandle": "Where the part ends",
    "whole": "Whole video",
    "all": "The whole video: {whole}",
    "some": "{part} of {whole}",
    "hours": ["hour", "hours"],
    "minutes": ["minute", "minutes"],
    "seconds": ["second", "seconds"],
    "noTime": "“{typed}” is no time. Write seconds, as 83, or minutes and seconds, as 1:23.",
    "pastTheEnd": "The video is over at {end}; begin earlier.",
    "beginTooLate": "The part ends at {end}; it must begin at least a second earlier.",
    "endTooEarly": "The part begins at {begin}; it must end at least a second later.",
}

# ---- the keyboard ----------------------------------------------------------------------------------------------------

KEYBOARD = "Keyboard"
KEYBOARD_NOT_FOUND = (
    "No keyboard was found in this video. Where there is one, drag the four corners onto the corners of its keys, "
    "and choose its lowest and highest key."
)
KEYBOARD_CHANGED = "Your keyboard is used: {keys}. “Find again” goes back to what the program found."
KEYBOARD_OCTAVE_GUESSED = (
    "Found: {keys}. Not all 88 keys are in view, so the octave is a guess: "
    "check the C’s in the picture, and move it by octaves if they are wrong."
)
KEYBOARD_FOUND = "Found: {keys}. Where the lines miss the keys, drag the corners."
KEYS_FROM_TO = "{lowest} to {highest}"
CAMERA_MOVES = "The camera moves: the lines meet the keys in this picture, and are moved along as the video is read."
CORNERS: dict[str, Any] = {
    "picture": "The keyboard in the video, with its four corners",
    "corner": "corner",
    "names": ["Back left, bass", "Back right, treble", "Front right, treble", "Front left, bass"],
    "short": ["back left", "back right", "front right", "front left"],
    "place": "{name}: x {x}, y {y}. Move it with the arrow keys.",
    "crossed": "These corners cross. Drag each to the corner of the keyboard that its name says.",
}
HIDE_HANDS = "Hide the hands"
HIDE_HANDS_HELP = "All moments of the video together."
MOMENT = "Moment of the video"
MOMENT_NUMBER = "picture {number}"
LOWEST_KEY = "Lowest key"
HIGHEST_KEY = "Highest key"
OCTAVE_LOWER = "Octave lower"
OCTAVE_HIGHER = "Octave higher"
TURN = "Turn"
TURN_HELP = "The player sits at another side of the picture."
FIND_AGAIN = "Find again"
FIND_AGAIN_HELP = "Everything as it was before you moved it."
COMMAND_LINE = "On the command line"

# ---- options ---------------------------------------------------------------------------------------------------------

OPTIONS = "Options"
OPTIONS_HINT = "What is made of it; a change shows at once, as the video is not read again:"
INSTRUMENT = "Instrument"
TRANSPOSE = "Transpose by semitones"
THRESHOLD = "A key is down from"
THRESHOLD_PLACEHOLDER = "as trained; or such as 0.4"
THRESHOLD_HELP = "How surely a key must be seen to be down, 0 to 1. Less finds fainter notes, and more wrong ones."
SPLIT = "Right hand from"
SPLIT_PLACEHOLDER = "as seen in the video"
SPLIT_HELP = "All notes from this key on are the right hand's, all below it the left hand's."
FINGERING = "Fingers in the score"
FINGERING_HELP = "Of those that were surely seen."
FINGERS = {"auto": "as editors do; all of a short piece", "all": "all", "some": "as editors do", "none": "none"}
TITLE = "Title"
TITLE_PLACEHOLDER = "the video's name"
COMPOSER = "Composer"
METRE = "Time signature"
METRE_PLACEHOLDER = "found; or such as 3/4"
KEY = "Key"
KEY_PLACEHOLDER = "found; or such as C minor"
TEMPO = "Beats a minute"
TEMPO_PLACEHOLDER = "found"

# ---- while work is waited for ----------------------------------------------------------------------------------------

CANCEL = "Cancel"
ONE_BEFORE = "One other is before you; yours begins by itself …"
SOME_BEFORE = "{count} others are before you; yours begins by itself …"
DOING = "{stage} …"
DOING_PART = "{stage} … {percent} %"
TIME_LEFT = "{doing}, {time} left"
ABOUT_SECONDS = "about {seconds} s"
ABOUT_MINUTES = "about {minutes} min"

BEGINNING = "Beginning"
ASKING_SITE = "Asking the site"
FETCHING_VIDEO = "Fetching the video"
LOOKING_AT_VIDEO = "Looking at the video"
LOOKING_THROUGH_VIDEO = "Looking through the video"
LOOKING_FOR_KEYBOARD = "Looking for the keyboard"
READING_KEYS = "Reading the keys"
FINDING_NOTES = "Finding the notes"
WRITING_FILES = "Writing the files"
ENGRAVING_SCORE = "Engraving the score"
PLAYING_SOUND = "Playing the sound"
DRAWING_VIDEO = "Drawing the video"

# ---- the result ------------------------------------------------------------------------------------------------------

NOT_MADE = "{output} could not be made: {why}"
NOTES_FOUND = "Notes"
KEYS_IN_VIEW = "Keys in view"
CORNERS_GIVEN, BY_HAND = "Keyboard corners", "set by hand"
CONFIDENCE = "Keyboard confidence"
SPEED = "Seconds of video per second"
ROLL: dict[str, Any] = {
    "roll": "Piano roll: arrow keys go from note to note and from key to key, N and P to uncertain notes, "
    "K keeps, Delete removes, Enter adds a note.",
    "overview": "Which part of the piece is seen",
    "bars": ["Piano roll", "The chosen note"],
    "play": "Play",
    "pause": "Pause",
    "play help": "Play or pause (Space)",
    "closer": "+",
    "closer help": "Zoom in (+)",
    "farther": "−",
    "farther help": "Zoom out (−)",
    "taller": "↕+",
    "taller help": "Larger keys",
    "flatter": "↕−",
    "flatter help": "Smaller keys",
    "undo": "Undo",
    "undo help": "Undo (Ctrl+Z)",
    "redo": "Redo",
    "redo help": "Redo (Ctrl+Shift+Z)",
    "clear": "All edits away",
    "clear help": "Take all edits away; Undo brings them back",
    "draw": "Add notes",
    "draw help": "Add notes by pressing empty places (A)",
    "previous": "◀",
    "previous help": "Previous uncertain note (P)",
    "next": "Next uncertain ▶",
    "next help": "Next uncertain note (N)",
    "keep": "Keep",
    "keep help": "Keep: this note is right (K)",
    "remove": "Delete",
    "remove help": "Delete this note (Delete)",
    "left": "Left hand",
    "left help": "Left hand (L)",
    "right": "Right hand",
    "right help": "Right hand (R)",
    "lower": "Lower",
    "lower help": "A key lower (Alt+↓)",
    "higher": "Higher",
    "higher help": "A key higher (Alt+↑)",
    "earlier": "Earlier",
    "earlier help": "A little earlier (Alt+←)",
    "later": "Later",
    "later help": "A little later (Alt+→)",
    "shorter": "Shorter",
    "shorter help": "A little shorter (Alt+Shift+←)",
    "longer": "Longer",
    "longer help": "A little longer (Alt+Shift+→)",
    "doubts": "{count} uncertain",
    "doubt of": "{at} of {count} uncertain",
    "nothing": "Click a note to choose it; double-click an empty place to add one.",
    "draw here": "Press an empty place to add a note; drag to say how long it is.",
    "time": "{from} to {to}",
    "hands": {"left": "left hand", "right": "right hand", "unknown": "hand unknown"},
    "finger": "finger {finger}",
    "sure": "{sure} % sure",
    "doubtful": "uncertain",
    "added": "added by hand",
    "changed": "changed by hand",
    "confirmed": "kept by hand",
    "empty": "{note}, {time}: no note; Enter adds one",
    "removed": "Deleted: {note}, {time}",
    "undone": "Undone",
    "redone": "Done again",
    "cleared": "All edits are away",
    "seen": "{from} to {to}",
    "how": "How to mend the notes",
    "help": [
        "Striped notes with a dashed edge are uncertain. Go through them with N and P (or the buttons), listen with "
        "Space, and press K to keep or Delete to remove each.",
        "Drag a note to move it, its ends to change its length. With a finger, tap it first.",
        "Double-click an empty place to add a note, or press “Add notes”, then where it belongs; drag for its length.",
        "A click on an empty place plays from there. Drag an empty place, or the strip below, to go through the piece.",
        "Ctrl and the wheel, two fingers, or − and + zoom. The wheel goes through time once the roll was clicked.",
        "Keys: ← → from note to note, ↑ ↓ a key higher or lower, Shift+← → without notes, Enter adds a note there; "
        "Alt+arrows move the chosen note, Alt+Shift+← → change its length, L and R its hand; Ctrl+Z takes back.",
        "All files, the score and the sound are made anew a moment after the last edit.",
    ],
}
OLDER_VIDEO = (
    "The video above was drawn before the last changes: it is silent now, and plays together with this sound, "
    "which is of the notes as they are."
)
DRAW_VIDEO = "Draw the video with these settings"
SCORE_TAB, NOTES_TAB, DOWNLOADS_TAB = "Score", "Notes", "Downloads"
NO_SCORE = "There is no score."
SCORE_FACTS = "{key}, {metre}, {tempo:.0f} a minute, {measures} bars; what you did not give is estimated."
EVERYTHING = "Everything as one zip"

# ---- videos that are not taken ---------------------------------------------------------------------------------------

TOO_LARGE = (
    "“{title}” is larger than {most} MB; make the video smaller (720 lines are enough), "
    "or read it with “silentkeys transcribe”."
)
TOO_LONG = "“{title}” is longer than {minutes} minutes, more than this page reads; cut it."
NO_FILE = "{path} is no file; choose a video."
TOO_MANY_PICTURES = (
    "“{title}” has more than {most} pictures, more than this page reads; cut it, "
    "or make fewer a second of it (30 are enough)."
)
PICTURES_TOO_LARGE = (
    "The pictures of “{title}” are {width} × {height} pixels, more than this page reads; "
    "make the video smaller (720 lines are enough)."
)

# ---- addresses that are not followed ---------------------------------------------------------------------------------

LINK_ENDLESS = "{address} leads from one address to the next without end; give the file's own address."
LINK_NO_ADDRESS = "{address} is no address of the web; check it."
LINK_NO_HTTP = "{address} is no address that begins with http:// or https://; give such a one."
LINK_BLANKS = "{address} holds blanks or control characters; check it."
LINK_PASSWORD = "The address holds a name or password before an @; such links are not followed."
LINK_NO_MACHINE = "There is no machine called {host}, or it cannot be reached; check it."
LINK_NOT_PUBLIC = "{host} is not a public machine of the web; links to others are not followed."
LINK_REFUSED = "{address} could not be fetched: the site answers {status}; check it."
LINK_PAGE = "{address} is a page and no video file; save the video on your computer, then upload it."
LINK_PACKED = "{address} sends the file packed, which is not read; download it, then upload it."
LINK_BROKE_OFF = "{address} broke off after {megabytes:.1f} MB; try again later."
LINK_NOT_FETCHED = "{address} could not be fetched: {why}; try again later."
WHY_TOO_SLOW = "it took longer than {minutes:.0f} minutes"
WHY_SILENT = "the machine does not answer"
WHY_NOT_SECURE = "its certificate or encryption is not in order"
WHY_BROKEN = "the connection broke"
WHY_NOT_HTTP = "its answer is none of the web’s"

# ---- pages of sites that give no video -------------------------------------------------------------------------------

SITE_OFFLINE = "There is no network where this page runs: {site} cannot be found; connect it, or upload the video."
SITE_NOT_INSTALLED = (
    "Videos of {site} are fetched by yt-dlp, which is not installed: pip install yt-dlp; or upload the video."
)
SITE_NOT_KNOWN = "This is no address of a site that is known here; give the address of the video file itself."
SITE_NOT_PUBLIC = "{site} leads to a machine that is not a public one of the web; links to others are not followed."
SITE_NOT_ONE = "This address of {site} shows no single video; give the address of one."
SITE_LIVE = "This video of {site} is live, or has yet to begin; choose one that is over."
SITE_TOO_SLOW = "“{title}” takes longer than {minutes} minutes to fetch, and was given up; try again later."
SITE_NO_FORM = "{site} gives this video in no form that can be read here; save it on your computer, then upload it."
SITE_NOT_WRITTEN = "The video could not be stored where this page runs ({why}); try again later."
WHY_DISK_FULL, WHY_DISK_FAILED = "the disk is full", "its disk failed"
SITE_NOT_WHOLE = "The video of {site} did not come whole; try again later."
SITE_REFUSED = (
    "{site} does not give this video: {reason}. Choose another one, or save it on your computer, then upload it."
)
SITE_BROKE_OFF = "{site} cannot be reached, or broke off; try again later, or upload the video."
SITE_OUT_OF_DATE = (
    "{site} does not answer as yt-dlp expects: yt-dlp is out of date (pip install -U yt-dlp), or the site keeps "
    "programs out; save the video on your computer, then upload it."
)
SITE_ROBOT = "{site} takes this page for a robot, or was asked too often; try again in some hours, or upload the video."
SITE_PROTECTED = "This video of {site} is protected against copying; choose another one."
SITE_COUNTRY = "{site} does not show this video in the country where this page runs; choose another one."
SITE_PRIVATE = (
    "This video of {site} is private or restricted by age, or wants one to sign in, which is not done here; "
    "save it on your computer, then upload it."
)
SITE_NO_VIDEO = "There is no such video on {site}, or no more; check the address."

# ---- work that came to nothing ---------------------------------------------------------------------------------------

WORK_CRASHED = "The video could not be read: its decoder broke off. Convert it to MP4 (H.264), or try another one."
WORK_TOO_MUCH = "Reading this video takes more memory than there is for one; make it smaller (720 lines are enough)."
WORK_TOO_LONG = "Reading this video took too long, and was stopped; cut it, or make it smaller (720 lines are enough)."
WORK_WENT_WRONG = "Something went wrong: {kind}: {error}"
WORK_NOT_BEGUN = "The work could not be begun: {kind}: {error}"
READING_GONE = "The reading is not there any more: {error}."

# ---- no room for a visitor -------------------------------------------------------------------------------------------

NO_ROOM = "There is no room for your files now ({why}); try again later."
FULL = (
    "So many people are here that there is no room for another video; try again in an hour, "
    "or use “silentkeys transcribe” on your own computer."
)
ROOM_NOT_MADE = "{folder}, where the page keeps its files, cannot be made: {why}."
ROOM_OPEN = "{folder}, where the page keeps its files, is open to others; remove it, or set TMPDIR."

# ---- edits of the piano roll that are not taken ----------------------------------------------------------------------

EDITS_NOT_TAKEN = "{why}; the edits were not taken; undo the last, or load the page again."
EDITS_BROKEN = "The edits of the piano roll did not arrive as they should"
EDITS_TOO_MANY = "More than {most} notes were edited, and nobody does that by hand"
EDIT_NO_HAND = "An edited note is in a hand that nobody has"
EDIT_NO_LENGTH = "An edited note ends before it begins"
EDIT_NO_KEY = "An edited note is on a key that no piano has"
EDIT_OUTSIDE = "An edited note lies outside the part of the video that was read"
