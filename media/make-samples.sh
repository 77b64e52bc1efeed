#!/bin/sh
# Makes the sample media of this directory from synthetic sources. Needs ffmpeg with libx264,
# libx265, libvpx and libopus, and the DejaVu Sans Mono font. README.md says what the samples show
# and how a test reads it back.
set -eu
cd "$(dirname "$0")"

seconds=12
fps=30
ff="ffmpeg -hide_banner -loglevel error -y"

# The background: one colour a second, six of them, twice round. The same list is in README.md.
i=0
picture="null"
for rgb in 0xC81E1E 0x1EA01E 0x1E3CC8 0xC8B414 0xB41EB4 0x14AAB4; do
    picture="$picture,drawbox=c=$rgb:t=fill:enable='eq(mod(floor(n/$fps),6),$i)'"
    i=$((i + 1))
done

# Something that moves, so that the encoder has work to do, beside the plain background.
moving="testsrc2=size=240x160:rate=$fps:duration=$seconds,format=yuv420p"

# The running timecode.
text="fontfile=/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf:fontcolor=white:box=1:boxcolor=black:boxborderw=8"
over="drawtext=$text:fontsize=40:x=20:y=20:text='%{pts\\:hms}',drawtext=$text:fontsize=28:x=20:y=90:text='frame %{n}'"

# The frame number for machines: 16 blocks of 40x40 along the bottom edge, most significant bit on
# the left, white for 1. The value is 0xA000 + frame number.
over="$over,drawbox=x=0:y=320:w=640:h=40:c=black:t=fill"
over="$over,drawbox=x=0:y=320:w=40:h=40:c=white:t=fill,drawbox=x=80:y=320:w=40:h=40:c=white:t=fill"
bit=0
while [ $bit -lt 12 ]; do
    x=$(((15 - bit) * 40))
    over="$over,drawbox=x=$x:y=320:w=40:h=40:c=white:t=fill:enable='mod(floor(n/$((1 << bit))),2)'"
    bit=$((bit + 1))
done

# SD colour, limited range, said so in the bit stream: browsers then agree on the RGB values.
colour="-colorspace smpte170m -color_primaries smpte170m -color_trc smpte170m -color_range tv"
graph="color=black:size=640x360:rate=$fps:duration=$seconds,format=rgb24,$picture[bg];$moving[mv];[bg][mv]overlay=380:100:format=rgb,$over,scale=out_color_matrix=smpte170m:out_range=tv,format=yuv420p"
master=$(mktemp --suffix=.mkv)
trap 'rm -f "$master"' EXIT
$ff -filter_complex "$graph" $colour -c:v ffv1 "$master"

# One key frame a second, no B frames, nothing adaptive about the structure: frame n*30 is an IDR.
$ff -i "$master" $colour -c:v libx264 -profile:v baseline -level 3.1 -preset slow -pix_fmt yuv420p \
    -g $fps -keyint_min $fps -sc_threshold 0 -bf 0 -b:v 500k -maxrate 700k -bufsize 500k \
    -x264-params "repeat-headers=1:aud=0:sliced-threads=0:threads=1" -fflags +bitexact -flags:v +bitexact \
    -bsf:v h264_metadata=delete_filler=1,filter_units=remove_types=6 -f h264 sample.h264
$ff -i "$master" $colour -c:v libx265 -preset medium -pix_fmt yuv420p -b:v 300k -maxrate 500k -bufsize 300k \
    -x265-params "keyint=$fps:min-keyint=$fps:scenecut=0:bframes=0:open-gop=0:repeat-headers=1:info=0:pools=1:frame-threads=1:log-level=error" \
    -bsf:v filter_units=remove_types=39-40 -f hevc sample.h265
$ff -i "$master" -c:v libvpx -b:v 300k -maxrate 500k -bufsize 300k -g $fps -keyint_min $fps -auto-alt-ref 0 \
    -lag-in-frames 0 -deadline good -cpu-used 2 -error-resilient default -threads 1 -f ivf sample-vp8.ivf

# The tone changes with the colour. Whole frequencies reach a zero crossing at each whole second,
# so the changes do not click.
tone() {
    echo "0.4*sin(2*PI*(t+$1)*(st(0,mod(floor(t+$1),6));400*eq(ld(0),0)+550*eq(ld(0),1)+700*eq(ld(0),2)+900*eq(ld(0),3)+1150*eq(ld(0),4)+1450*eq(ld(0),5)))"
}
# Exactly 600 packets of 20 ms: libopus delays by 312 samples (its pre-skip), so the source is that
# much shorter and starts that much later; what a receiver plays is then in step with the picture.
$ff -f lavfi -i "aevalsrc=exprs='$(tone 0.0065)':s=48000:d=11.9935" -c:a libopus -b:a 32k -application audio \
    -frame_duration 20 -ac 1 -fflags +bitexact -flags:a +bitexact -f ogg sample.opus
$ff -f lavfi -i "aevalsrc=exprs='$(tone 0)':s=8000:d=$seconds" -c:a pcm_mulaw -ac 1 -fflags +bitexact -flags:a +bitexact sample-ulaw.wav
$ff -f lavfi -i "aevalsrc=exprs='$(tone 0)':s=8000:d=$seconds" -c:a pcm_alaw -ac 1 -fflags +bitexact -flags:a +bitexact sample-alaw.wav
