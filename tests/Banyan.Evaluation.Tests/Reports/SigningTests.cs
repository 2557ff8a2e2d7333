using System.Text;
using Banyan.Evaluation.Reports;
using CsCheck;

namespace Banyan.Evaluation.Tests.Reports;

public sealed class SigningTests : IDisposable
{
    readonly string _folder = Directory.CreateTempSubdirectory("banyan-key-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>RFC 8032, section 7.1, tests 1 and 3.</summary>
    [Theory]
    [InlineData("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60", "",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b")]
    [InlineData("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7", "af82",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a")]
    public void Signatures_are_those_of_the_standard(string seed, string message, string publicKey, string signature)
    {
        var file = Path.Combine(_folder, "key");
        File.WriteAllText(file, Convert.ToBase64String(Convert.FromHexString(seed)));
        var key = SigningKey.OpenOrCreate(file);
        Assert.Equal(publicKey, Convert.ToHexStringLower(Convert.FromBase64String(key.PublicKey)));
        Assert.Equal(signature, Convert.ToHexStringLower(key.Sign(Convert.FromHexString(message))));
        Assert.True(SigningKey.Verify(key.PublicKey, Convert.FromHexString(message),
            Convert.ToBase64String(Convert.FromHexString(signature))));
    }

    [Fact]
    public void Nothing_else_verifies()
    {
        var key = SigningKey.Generate();
        var message = Encoding.UTF8.GetBytes("a report");
        var signature = key.Sign(message);
        Gen.Select(Gen.Int[0, signature.Length - 1], Gen.Int[0, 7]).Sample((at, bit) =>
        {
            var changed = (byte[])signature.Clone();
            changed[at] ^= (byte)(1 << bit);
            Assert.False(SigningKey.Verify(key.PublicKey, message, Convert.ToBase64String(changed)));
        }, iter: 60);
        foreach (var wrong in (string[])["", "no base64", "AAAA", Convert.ToBase64String(new byte[32]), SigningKey.Generate().PublicKey])
        {
            Assert.False(SigningKey.Verify(wrong, message, Convert.ToBase64String(signature)));
            Assert.False(SigningKey.Verify(key.PublicKey, message, wrong));
        }
    }

    [Fact]
    public void A_key_is_made_once_and_is_its_owners_alone()
    {
        var file = Path.Combine(_folder, "new", "key");
        var first = SigningKey.OpenOrCreate(file).PublicKey;
        Assert.Equal(first, SigningKey.OpenOrCreate(file).PublicKey);
        if (!OperatingSystem.IsWindows())
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        File.WriteAllText(file, "secret");
        Assert.Contains("no signing key", Assert.Throws<EvaluationException>(() => SigningKey.OpenOrCreate(file)).Message);
    }

    [Fact]
    public void Lines_side_by_side_are_both_texts_and_pair_what_is_equal() =>
        Gen.Int[0, 4].Array[0, 12].Select(Gen.Int[0, 4].Array[0, 12]).Sample((a, b) =>
    {
        string left = string.Join('\n', a), right = string.Join('\n', b);
        var lines = LineDifference.Of(left, right);
        Assert.Equal(left, string.Join('\n', lines.Select(l => l.Left).OfType<string>()));
        Assert.Equal(right, string.Join('\n', lines.Select(l => l.Right).OfType<string>()));
        Assert.All(lines, l => Assert.Equal(l.Same, l.Left == l.Right));
    }, iter: 2000);
}
