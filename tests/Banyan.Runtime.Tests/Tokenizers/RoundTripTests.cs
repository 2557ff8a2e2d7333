using System.Text;
using Banyan.Runtime.Tokenizers;
using Banyan.Runtime.Tokenizers.Normalization;
using CsCheck;

namespace Banyan.Tests.Tokenizers;

public sealed class RoundTripTests
{
    /// <summary>Any UTF-16 at all: Latin, marks, Hangul, CJK, emoji, private use, lone surrogates.</summary>
    static readonly Gen<string> s_anything = Gen.Frequency(
        (4, Gen.Char[' ', '~']), (1, Gen.Char['\0', '\u02FF']), (1, Gen.Char['\u0300', '\u0FFF']),
        (1, Gen.Char['\u3000', '\uFFFF'])).Array[0, 40].Select(c => new string(c));

    static readonly Gen<string> s_wellFormed = s_anything.Select(Whole);

    public static TheoryData<string> ByteLevel => ["gpt-2", "deepseek-coder", "starcoder"];

    [Theory, MemberData(nameof(ByteLevel))]
    public void Byte_level_gives_every_string_back_with_lone_surrogates_replaced(string name)
    {
        var tokenizer = SharedTokenizers.Load(name);
        s_anything.Sample(text =>
        {
            var ids = tokenizer.Encode(text, addSpecial: false);
            // StarCoder's vocabulary has no token of bytes that its training never saw (0xF1, of planes 4 to 7): they are its unknown
            // token.
            if (name != "starcoder" || !ids.Contains(tokenizer.Unknown!.Value))
                Assert.Equal(Whole(text), tokenizer.Decode(ids));
        }, iter: 3_000);
    }

    [Fact]
    public void Qwen_gives_back_the_string_in_form_C()
    {
        var tokenizer = SharedTokenizers.Load("qwen2.5");
        var nfc = new Nfc();
        s_wellFormed.Sample(text =>
        {
            var bytes = Encoding.UTF8.GetBytes(text);
            Assert.Equal(Encoding.UTF8.GetString(bytes.Length > 0 ? nfc.Apply(bytes, true) ?? bytes : bytes),
                tokenizer.Decode(tokenizer.Encode(text, addSpecial: false)));
        }, iter: 3_000);
    }

    /// <remarks>Where <c>&lt;s&gt;</c> in the text is the special token, what follows it begins with SentencePiece's space: so specials are
    /// not looked for.</remarks>
    [Fact]
    public void SentencePiece_gives_every_string_back_but_for_its_mark_for_spaces()
    {
        var tokenizer = SharedTokenizers.Load("llama-spm");
        s_wellFormed.Sample(text => Assert.Equal(text.Replace('▁', ' '),
            tokenizer.Decode(tokenizer.Encode(text, parseSpecial: false, addSpecial: false))), iter: 3_000);
        Assert.Equal("a <s> b", tokenizer.Decode(tokenizer.Encode("a <s> b", parseSpecial: false, addSpecial: false)));
        Assert.Equal("<s>x", tokenizer.Decode(tokenizer.Encode("<s>x", parseSpecial: false, addSpecial: false)));
    }

    [Fact]
    public void Ids_stay_inside_the_vocabulary_whatever_the_text_says() =>
        Gen.Select(s_anything, Gen.OneOf("<|im_start|>", "<s>", "<|endoftext|>", "<0x0A>", "<unk>")).Sample((text, special) =>
    {
        foreach (var name in SharedTokenizers.Names)
        {
            var tokenizer = SharedTokenizers.Load(name);
            var ids = tokenizer.Encode(text + special + text, parseSpecial: false, addSpecial: false);
            Assert.All(ids, id => Assert.InRange(id, 0, tokenizer.Count - 1));
            // text from strangers never becomes a mark for the model
            Assert.DoesNotContain(ids, id => tokenizer.IsSpecial(id) && (name != "starcoder" || id != tokenizer.Unknown));
        }
    }, iter: 500);

    [Fact]
    public void Streaming_gives_the_same_text_and_never_half_a_character()
    {
        var tokenizer = SharedTokenizers.Load("gpt-2");
        s_anything.Sample(text =>
        {
            var decoder = new StreamingDecoder(tokenizer);
            var parts = tokenizer.Encode(text, addSpecial: false).Select(decoder.Append).ToList();
            Assert.All(parts, part => Assert.Equal(Whole(part), part));
            Assert.Equal(Whole(text), string.Concat(parts));
            Assert.Equal("", decoder.Flush());
        }, iter: 3_000);
    }

    [Fact]
    public void Streaming_random_ids_gives_what_decoding_them_at_once_gives()
    {
        var tokenizer = SharedTokenizers.Load("qwen2.5");
        Gen.Int[-2, tokenizer.Count + 300].Array[0, 50].Sample(ids =>
        {
            var decoder = new StreamingDecoder(tokenizer);
            var streamed = string.Concat(ids.Select(decoder.Append)) + decoder.Flush();
            Assert.Equal(Encoding.UTF8.GetString([.. ids.SelectMany(id => tokenizer.Bytes(id).ToArray())]), streamed);
            Assert.Equal(streamed, tokenizer.Decode(ids));
        }, iter: 2_000);
    }

    static string Whole(string text) => Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));
}
