using System.Text;

namespace Banyan.Chunks.Tests;

public class Hashing
{
    // The vectors of the BLAKE3 specification: input byte i is i mod 251, this key, the first 32 bytes of keyed_hash.
    static readonly byte[] s_key = Encoding.ASCII.GetBytes("whats the Elvish word for friend");

    [Theory]
    [InlineData(0, "92b2b75604ed3c761f9d6f62392c8a9227ad0ea3f09573e783f1498a4ed60d26")]
    [InlineData(1, "6d7878dfff2f485635d39013278ae14f1454b8c0a3a2d34bc1ab38228a80c95b")]
    [InlineData(1023, "c951ecdf03288d0fcc96ee3413563d8a6d3589547f2c2fb36d9786470f1b9d6e")]
    [InlineData(1024, "75c46f6f3d9eb4f55ecaaee480db732e6c2105546f1e675003687c31719c7ba4")]
    [InlineData(1025, "357dc55de0c7e382c900fd6e320acc04146be01db6a8ce7210b7189bd664ea69")]
    [InlineData(2048, "879cf1fa2ea0e79126cb1063617a05b6ad9d0b696d0d757cf053439f60a99dd1")]
    [InlineData(31744, "efa53b389ab67c593dba624d898d0f7353ab99e4ac9d42302ee64cbf9939a419")]
    [InlineData(102400, "1c35d1a5811083fd7119f5d5d1ba027b4d01c0c6c49fb6ff2cf75393ea5db4a7")]
    public void Blake3_keyed_hash_is_the_specifications(int length, string expected)
    {
        var data = new byte[length];
        for (var i = 0; i < length; i++)
            data[i] = (byte)(i % 251);
        foreach (var lanes in (int[])[0, 1, 8, 16])
        {
            if (lanes > Blake3.MostLanes)
                continue;
            var hash = new byte[32];
            Blake3.Hash(data, s_key, hash, lanes);
            Assert.Equal(expected, Convert.ToHexStringLower(hash));
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(8)]
    [InlineData(16)]
    public void Blake3_by_vectors_is_blake3_word_by_word(int lanes)
    {
        if (lanes > Blake3.MostLanes)
            Assert.Skip($"this processor hashes {Blake3.MostLanes} at a time");
        var random = new Random(1);
        byte[] one = new byte[32], several = new byte[32];
        for (var round = 0; round < 300; round++)
        {
            var data = new byte[round < 200 ? 512 * round + random.Next(512) : random.Next(300_000)];
            random.NextBytes(data);
            Blake3.Hash(data, s_key, one, lanes: 0);
            Blake3.Hash(data, s_key, several, lanes);
            Assert.Equal(one, several);
        }
    }

    [Fact]
    public void A_hash_prints_as_little_endian_words_and_reads_back()
    {
        var hash = new XetHash([.. Enumerable.Range(0, 32).Select(i => (byte)i)]);
        Assert.Equal("07060504030201000f0e0d0c0b0a090817161514131211101f1e1d1c1b1a1918", hash.ToString());
        Assert.Equal(hash, XetHash.Parse(hash.ToString()));
    }

    [Theory]
    [InlineData("")]
    [InlineData("07")]
    [InlineData("+7060504030201000f0e0d0c0b0a090817161514131211101f1e1d1c1b1a1918")]
    [InlineData(" 7060504030201000f0e0d0c0b0a090817161514131211101f1e1d1c1b1a1918")]
    [InlineData("g7060504030201000f0e0d0c0b0a090817161514131211101f1e1d1c1b1a1918")]
    public void What_is_no_hash_is_refused(string text)
    {
        Assert.False(XetHash.TryParse(text, out _));
        Assert.Throws<FormatException>(() => XetHash.Parse(text));
    }

    // Reference values printed by the protocol's own implementation (xet-core, aggregated_hashes) for chunks A, B, C … of 100, 200, 300 …
    // bytes.
    const string A = "cfc5d07f6f03c29bbf424132963fe08d19a37d5757aaf520bf08119f05cd56d6";
    const string B = "c3e67584b5c4fc2a89837ec39e40f2c8a6bb0b2987ac94cd4b31e5fbdd210a72";
    const string C = "0d2beb91b9196929a5ddec9f6e306924ddf4a24268e3e59fd8464738d525af37";
    const string D = "adf8773496a9b7319b2e50dc98093f344053b17d8ad37100b9c07d9805988784";
    const string E = "4ac202caf347fc1e9c874b1ef6a1c5e619141eb775a6f43f0f0124ccd0060d9e";
    const string F = "b3b28636f65c149ea52eb1f94669466f70f033b54cea792824c696ba6ef3c389";
    const string G = "0e2c1a002aae913d2c0fc8ddfa4e9e14b7b311b3b0d458726d5d9f6a6318013c";

    [Theory]
    [InlineData("", "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000000")]
    [InlineData("1", A, "8e16257caa3fe079d484d872a8975264b2ff683b0d6db9028cc7c0f968a45661")]
    [InlineData("123", "71ec1275fca074724e2dd666921b3277c7cee603e4d025bcab2d4050015be2bc",
        "54e55dccc6653c612bdb5576c5d3cb34bb31bc4e100248abccf4c908b3ef7715")]
    [InlineData("1111", "89f2ada89ff8c96763c6b25010e6dd76a4c05b1466207633ea559acf2093211b",
        "2cdba690d0e09563596e0cda626d43eb4c96ef1e994fe72d9b2f5a83cfcd36dd")]
    [InlineData("1212", "90f8313ef12df385d237a067aded02562c35ded12116e32eba401dbc86c38031",
        "284ea045e5a579e99c21ec597c20de1fc0c09e7168162aac00db8f61b3d82dbb")]
    [InlineData("121234", "52c826f99507aa05d0b45e9837fa1709e0485425cfbcb1e80db3905cf98b3ee9",
        "91d21684db364c8883ab8209fa5eb2e781cf07f37e1fa43e731c30839afe422f")]
    [InlineData("11111111111111111111111111111111", "0a0123c1617921883b7e13902095fcb86676e77c49120c33b233003b0af0e0a6",
        "53af4711fd1d5e5bdc7f931b6be932314d8d673cb16ad2482f6f5222eaf9e63d")]
    [InlineData("012345671111", "e7fc30b73ec9930593f80fe777b334e9d3bb73e45e6a79fa5784b2603446158b",
        "69e1af2fd6023ce133e0d1b90e32d1d42ef79f5a710f2b0accfc3a735e98de9d")]
    [InlineData("0011223344556677", "636c65db520ec16e8166f9ec7a0cf9f74b26369077ac60160ec0221c86bc9f77",
        "6a90ad0d6f5246ac61f1de898c6944c03e14004a1368e6fb23387108c4d039e0")]
    public void The_tree_is_the_protocols(string chunks, string xorb, string file)
    {
        string[] hashes = [XetHash.Zero.ToString(), A, B, C, D, E, F, G];
        Chunk[] list = [.. chunks.Select(c => new Chunk(XetHash.Parse(hashes[c - '0']), (ulong)(c - '0') * 100))];
        Assert.Equal(xorb, MerkleTree.XorbHash(list).ToString());
        Assert.Equal(file, MerkleTree.FileHash(list).ToString());
    }

    [Fact]
    public void A_file_hash_is_the_same_chunk_by_chunk()
    {
        var random = new Random(4);
        var chunks = new List<Chunk>();
        for (var count = 0; count <= 700; count++)
        {
            var builder = new FileHashBuilder();
            foreach (var chunk in chunks)
                builder.Add(chunk);
            Assert.Equal(MerkleTree.FileHash(chunks.ToArray()), builder.Finish());
            var hash = new byte[XetHash.Size];
            random.NextBytes(hash);
            chunks.Add(new Chunk(new XetHash(hash), (ulong)random.Next(1, Chunker.MaxLength)));
        }
    }
}
